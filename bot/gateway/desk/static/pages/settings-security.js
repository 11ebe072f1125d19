/** Password, second factor, and where one is logged in. */

import { get, post, remove, useToken } from "../api.js";
import { html, useEffect, useState } from "../html.js";
import { moment } from "../format.js";
import { me } from "../state/session.js";
import { Field } from "../ui/field.js";
import { Problem, useSaving } from "../ui/form.js";
import { words } from "../words/index.js";

export const SecuritySettings = () => html`<${Password} /><${SecondFactor} /><${Sessions} />`;

function Password() {
  const w = words.value;
  const [old, setOld] = useState("");
  const [fresh, setFresh] = useState("");
  const { busy, problem, submit } = useSaving(
    async () => {
      const told = await post("/me", { password: { old, new: fresh } });
      // All sessions are over then, and this browser has a new one.
      if (told.csrf) useToken(told.csrf);
      setOld("");
      setFresh("");
    },
    { wrong: w.settings.wrongPassword },
  );
  return html`
    <section class="card-form-page"><h2>${w.settings.password}</h2>
      <form onSubmit=${submit}>
        <input type="text" autocomplete="username" value=${me.value?.agent.login} hidden readonly />
        <${Field} label=${w.settings.oldPassword} type="password" autocomplete="current-password" value=${old}
          onInput=${setOld} required />
        <${Field} label=${w.settings.newPassword} hint=${w.settings.passwordHint} type="password"
          autocomplete="new-password" minlength="12" value=${fresh} onInput=${setFresh} required />
        <${Problem} problem=${problem} />
        <button type="submit" class="strong" disabled=${busy}>${w.settings.changePassword}</button>
      </form></section>
  `;
}

function SecondFactor() {
  const w = words.value;
  const [begun, setBegun] = useState(/** @type {{secret: string, uri: string, qr: string} | null} */ (null));
  const [code, setCode] = useState("");
  const [password, setPassword] = useState("");
  const isOn = Boolean(me.value?.totp);
  const tell = (/** @type {boolean} */ totp) => {
    if (me.value) me.value = { ...me.value, totp };
    setBegun(null);
    setCode("");
    setPassword("");
  };
  const begin = useSaving(async () => setBegun(await post("/me/totp", { start: true })), {}, "");
  const confirm = useSaving(
    async () => {
      await post("/me/totp", { secret: begun?.secret, code: code.replace(/\s/g, "") });
      tell(true);
    },
    { wrong: w.login.problems.code },
  );
  const end = useSaving(
    async () => {
      await remove("/me/totp", { password });
      tell(false);
    },
    { wrong: w.settings.wrongPassword },
  );
  return html`
    <section class="card-form-page"><h2>${w.settings.totp}</h2>
      <p>${isOn ? w.settings.totpOn : w.settings.totpOff}</p>
      ${
        isOn &&
        html`<form onSubmit=${end.submit}>
        <${Field} label=${w.login.password} type="password" autocomplete="current-password" value=${password}
          onInput=${setPassword} required />
        <${Problem} problem=${end.problem} />
        <button type="submit" class="plain" disabled=${end.busy}>${w.settings.totpEnd}</button></form>`
      }
      ${!isOn && !begun && html`<${Problem} problem=${begin.problem} />
      <button type="button" class="plain" disabled=${begin.busy}
        onClick=${begin.submit}>${w.settings.totpBegin}</button>`}
      ${
        begun &&
        html`<form class="totp" onSubmit=${confirm.submit}>
        <p>${w.settings.totpScan}</p>
        <img class="qr" src=${picture(begun.qr)} alt=${w.settings.totpQr} width="180" height="180" />
        <p class="hint">${w.settings.totpSecret} <code>${begun.secret}</code></p>
        <${Field} label=${w.login.code} inputmode="numeric" autocomplete="one-time-code" value=${code}
          onInput=${setCode} required />
        <${Problem} problem=${confirm.problem} />
        <button type="submit" class="strong" disabled=${confirm.busy}>${w.settings.totpConfirm}</button></form>`
      }
    </section>
  `;
}

/** A drawing of the server's as an image, where nothing in it can run. @param {string} qr */
const picture = (qr) => (qr.startsWith("data:image/") ? qr : `data:image/svg+xml,${encodeURIComponent(qr)}`);

/** @typedef {{id: string, client: string, created_at: string, seen_at: string, this?: boolean, current?: boolean}} Session */

function Sessions() {
  const w = words.value;
  const [sessions, setSessions] = useState(/** @type {Session[] | null} */ (null));
  const load = () =>
    get("/me/sessions")
      .then((told) => setSessions(told.items ?? told))
      .catch(() => setSessions([]));
  useEffect(() => void load(), []);
  const { problem, submit } = useSaving(load);
  const end = async (/** @type {string} */ id) => {
    await remove(`/me/sessions/${id}`).catch(() => {});
    submit(undefined);
  };
  return html`
    <section class="card-form-page"><h2>${w.settings.sessions}</h2>
      <ul class="sessions">
        ${(sessions ?? []).map(
          (one) => html`<li key=${one.id}><div><strong>${one.client || w.settings.unknownClient}</strong>
            <p class="hint">${w.settings.session(moment(one.created_at), moment(one.seen_at))}</p></div>
            ${one.this || one.current ? html`<span class="label">${w.settings.thisSession}</span>` : html`<button
              type="button" class="plain" onClick=${() => end(one.id)}>${w.settings.endSession}</button>`}</li>`,
        )}
      </ul>
      <${Problem} problem=${problem} /></section>
  `;
}
