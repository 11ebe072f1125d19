/** Who the customer is: what an agent needs to know beside the words. */

import { Audit } from "../pages/audit.js";
import { conversation } from "../conversation/current.js";
import { html } from "../html.js";
import { change } from "../state/device.js";
import { isSupervisor } from "../state/session.js";
import { date } from "../format.js";
import { Avatar } from "../ui/avatar.js";
import { channelName } from "../ui/channel.js";
import { Icon } from "../ui/icon.js";
import { words } from "../words/index.js";
import { EarlierList } from "./earlier.js";
import { Identities } from "./identities.js";
import { Labels } from "./labels.js";
import { Orders } from "./orders.js";
import { Slots } from "./slots.js";

export function CustomerPanel() {
  const w = words.value;
  const one = conversation.value;
  if (!one) return html`<aside class="panel" aria-label=${w.customerPanel}></aside>`;
  const { customer } = one;
  const facts = [
    customer.account && [w.customer.account, customer.account],
    customer.language && [w.customer.language, w.languages[customer.language.slice(0, 2)] ?? customer.language],
    customer.since && [w.customer.since, date(customer.since)],
    customer.preferred_channel && [w.customer.prefers, channelName(customer.preferred_channel)],
    one.topic && [w.customer.topic, one.topic.replaceAll("_", " ")],
  ].filter((fact) => fact !== null && fact !== "");
  return html`
    <aside class="panel" aria-label=${w.customerPanel}>
      <header class="panel-head">
        <${Avatar} name=${customer.name ?? ""} id=${customer.id} />
        <h2>${customer.name || w.somebody}</h2>
        <button type="button" class="quiet square" aria-label=${w.closePanel}
          onClick=${() => change({ panel: false })}><${Icon} name="close" /></button>
      </header>
      <dl class="facts">${facts.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>
      <${Section} title=${w.customer.labels}><${Labels} one=${one} /><//>
      ${(one.form || one.slots.length > 0) && html`<${Section} title=${w.customer.slots}><${Slots} one=${one} /><//>`}
      <${Section} title=${w.customer.identities} count=${one.identities.length}><${Identities} one=${one} /><//>
      ${one.orders.length > 0 && html`<${Section} title=${w.customer.orders} count=${one.orders.length}>
      <${Orders} orders=${one.orders} /><//>`}
      ${one.earlier.length > 0 && html`<${Section} title=${w.customer.earlier} count=${one.earlier.length}>
      <${EarlierList} earlier=${one.earlier} /><//>`}
      ${isSupervisor.value && html`<${Section} title=${w.pages.audit} isClosed><${Audit} conversation=${one.id} /><//>`}
    </aside>
  `;
}

/** @param {{title: string, count?: number, isClosed?: boolean, children?: any}} props */
function Section({ title, count, isClosed = false, children }) {
  return html`
    <details class="section" open=${!isClosed}>
      <summary><h3>${title}</h3>${count !== undefined && html`<span class="hint">${count}</span>`}</summary>
      ${children}
    </details>
  `;
}
