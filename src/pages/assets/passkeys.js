/* Shows what needs passkeys where the browser has them, asks it for one, and submits what it answers. Loads nothing, and
   sends nothing but the form in hand. Without it those parts of a page stay hidden, and every other way in is there. */
"use strict";
(() => {
  if (!window.PublicKeyCredential || !navigator.credentials) return;

  const bytes = (text) =>
    Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (mark) => mark.charCodeAt(0));
  const spelled = (buffer) => {
    const marks = Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join("");
    return btoa(marks).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  };
  const named = (list) => (list ?? []).map((one) => ({ ...one, id: bytes(one.id) }));

  const ceremonies = {
    async create({ publicKey }) {
      const made = await navigator.credentials.create({
        publicKey: {
          ...publicKey,
          challenge: bytes(publicKey.challenge),
          user: { ...publicKey.user, id: bytes(publicKey.user.id) },
          excludeCredentials: named(publicKey.excludeCredentials),
        },
      });
      const { attestationObject, clientDataJSON } = made.response;
      return {
        id: made.id,
        rawId: spelled(made.rawId),
        type: made.type,
        response: { attestationObject: spelled(attestationObject), clientDataJSON: spelled(clientDataJSON) },
        extensions: { credProps: made.getClientExtensionResults().credProps },
      };
    },
    async get({ publicKey }) {
      const used = await navigator.credentials.get({
        publicKey: {
          ...publicKey,
          challenge: bytes(publicKey.challenge),
          allowCredentials: named(publicKey.allowCredentials),
        },
      });
      const { authenticatorData, clientDataJSON, signature, userHandle } = used.response;
      return {
        id: used.id,
        rawId: spelled(used.rawId),
        type: used.type,
        response: {
          authenticatorData: spelled(authenticatorData),
          clientDataJSON: spelled(clientDataJSON),
          signature: spelled(signature),
          userHandle: userHandle && userHandle.byteLength > 0 ? spelled(userHandle) : null,
        },
      };
    },
  };

  const perform = async (form, button) => {
    const problem = form.querySelector("[data-passkey-problem]");
    problem.hidden = true;
    try {
      const answer = await ceremonies[button.dataset.passkey](JSON.parse(form.dataset.passkeyOptions));
      form.elements.answer.value = JSON.stringify(answer);
    } catch {
      problem.hidden = false;
      return;
    }
    if (button.hasAttribute("formaction")) form.action = button.formAction;
    form.submit();
  };

  for (const part of document.querySelectorAll("[data-needs-passkeys]")) part.hidden = false;
  for (const form of document.querySelectorAll("form[data-passkey-options]")) {
    form.addEventListener("submit", (event) => {
      const button = event.submitter;
      if (!button?.dataset.passkey) return;
      event.preventDefault();
      perform(form, button);
    });
    if ("passkeyStart" in form.dataset) form.requestSubmit(form.querySelector("[data-passkey]"));
  }
})();
