/** The customer's orders, from the shop's data. */

import { html } from "../html.js";
import { date } from "../format.js";
import { word, words } from "../words/index.js";

/** @import { Order } from "../types.js" */

/** @param {{orders: Order[]}} props */
export function Orders({ orders }) {
  const w = words.value;
  return html`
    <ul class="orders">
      ${orders.map(
        (order) => html`
          <li key=${order.number}>
            <p class="order-top"><strong>${order.number}</strong>
            <span class="label">${word(w.orderStates, order.state)}</span>
            <span class="order-total">${order.total}</span></p>
            <p class="hint">${date(order.placed_at)}</p>
            <p>${order.items.map(named).join(", ")}</p>
          </li>
        `,
      )}
    </ul>
  `;
}

/** @param {Order["items"][number]} item */
const named = (item) =>
  typeof item === "string" ? item : `${item.name}${(item.quantity ?? 1) > 1 ? ` × ${item.quantity}` : ""}`;
