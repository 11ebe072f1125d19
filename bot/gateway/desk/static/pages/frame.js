/** A page's heading, what stands beside it, and its body. */

import { html, useEffect } from "../html.js";

/** @param {{title: string, hint?: string, tools?: any, children?: any}} props */
export function PageFrame({ title, hint, tools, children }) {
  useEffect(() => {
    // One who came by the keyboard goes on from the page's beginning.
    if (document.activeElement === document.body) document.getElementById("main")?.focus();
  }, [title]);
  return html`
    <main id="main" class="page" tabindex="-1">
      <header class="page-head"><div>
      <h1>${title}</h1>${hint && html`<p class="hint">${hint}</p>`}</div>${tools && html`<div
        class="page-tools">${tools}</div>`}</header>
      ${children}
    </main>
  `;
}
