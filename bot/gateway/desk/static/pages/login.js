/** The log-in. Whether a login exists is told to nobody; the second factor is asked for when it is needed. */

import { ApiError } from "../api.js";
import { html, useEffect, useRef, useState } from "../html.js";
import { now } from "../state/clock.js";
import { logIn, ranOut } from "../state/session.js";
import { Field } from "../ui/field.js";
import { LanguageSwitch } from "../ui/language.js";
import { words } from "../words/index.js";

export function Login() {
  const w = words.value;
  const [login, setLogin] = useState("");
  const [password, setPassword] = useState("");
  const [code, setCode] = useState("");
  const [wantsCode, setWantsCode] = useState(false);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState(/** @type {{code: string, until?: number} | null} */ (null));
  const form = useRef(/** @type {HTMLFormElement | null} */ (null));

  useEffect(() => {
    const name = wantsCode ? "code" : login ? "password" : "login";
    /** @type {HTMLElement | null} */ (form.current?.querySelector(`[name=${name}]`) ?? null)?.focus();
  }, [wantsCode, problem]);

  const left = problem?.until ? Math.max(0, Math.ceil((problem.until - now.value) / 1000)) : 0;
  const submit = async (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    setBusy(true);
    try {
      await logIn({ login: login.trim(), password, ...(wantsCode && { code: code.replace(/\s/g, "") }) });
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      setBusy(false);
      if (error.code === "code_needed" && !wantsCode) {
        setWantsCode(true);
        setProblem(null);
      } else {
        const seconds = Number(error.told.retry_after);
        setProblem({ code: error.code, ...(seconds > 0 && { until: Date.now() + seconds * 1000 }) });
        setCode("");
      }
    }
  };
  const text =
    problem?.code === "locked"
      ? left
        ? w.login.locked(left)
        : w.login.unlocked
      : problem && (w.login.problems[problem.code] ?? w.login.failed);
  return html`
    <main class="login">
      <form class="login-card" ref=${form} onSubmit=${submit}>
        <img src="/desk/static/icon.svg" alt="" width="40" height="40" />
        <h1>${w.login.title}</h1>
        ${ranOut.value && !problem && html`<p class="told" role="status">${w.login.ranOut}</p>`}
        <${Field} label=${w.login.login} value=${login} onInput=${setLogin} name="login" autocomplete="username"
          autocapitalize="none" spellcheck=${false} required />
        <${Field} label=${w.login.password} value=${password} onInput=${setPassword} type="password" name="password"
          autocomplete="current-password" required />
        ${
          wantsCode &&
          html`<${Field} label=${w.login.code} hint=${w.login.codeHint} value=${code} onInput=${setCode} name="code"
            inputmode="numeric" autocomplete="one-time-code" required />`
        }
        <p class="told bad" role="alert">${text}</p>
        <button type="submit" class="strong"
          disabled=${busy || left > 0}>${busy ? w.login.busy : w.login.submit}</button>
        <${LanguageSwitch} />
      </form>
    </main>
  `;
}
