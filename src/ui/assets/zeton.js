// What no page needs to work, but makes it nicer. Loaded from a file: the content security policy allows no inline script.
(() => {
  'use strict';

  // Menus are <details>: they open without this, but close on a click elsewhere or Escape only with it.
  const openMenus = () => document.querySelectorAll('details.z-menu[open]');
  document.addEventListener('click', (event) => {
    for (const menu of openMenus()) if (!menu.contains(event.target)) menu.open = false;
  });
  document.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape') return;
    for (const menu of openMenus()) {
      menu.open = false;
      menu.querySelector('summary').focus();
    }
  });

  // A double click sends a form once. The server would notice too; this spares the reader its answer.
  document.addEventListener('submit', (event) => {
    const form = event.target;
    if (form.method !== 'post' || form.hasAttribute('hx-post')) return;
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = 'yes';
    if (event.submitter) event.submitter.setAttribute('aria-busy', 'true');
  });
  // Back from the browser's memory: the form may be sent again.
  window.addEventListener('pageshow', () => {
    for (const form of document.querySelectorAll('form[data-sent]')) {
      delete form.dataset.sent;
      for (const button of form.querySelectorAll('[aria-busy]')) button.removeAttribute('aria-busy');
    }
  });

  // What is to be taken elsewhere is selected at once; the clipboard is there only on https and localhost.
  document.addEventListener('focusin', (event) => {
    if (event.target.matches?.('[data-select]')) event.target.select();
  });
  const offerCopying = (root) => {
    for (const button of root.querySelectorAll('[data-copy]')) {
      button.hidden = !navigator.clipboard;
      button.onclick = async () => {
        await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).value);
        // Once to see, and once to be read out.
        for (const words of [button.querySelector('span'), button.nextElementSibling]) {
          words.textContent = button.dataset.done;
        }
      };
    }
  };
  offerCopying(document);
  document.addEventListener('htmx:load', (event) => offerCopying(event.target));

  // A ticket asks by itself whether anything is new. What the reader is in is left as it is, and asked for again.
  const live = (event) => event.target.id === 'z-live';
  const written = () => (document.getElementById('z-body')?.value ?? '').trim() !== '';
  let leftOut = false;
  document.addEventListener('htmx:oobBeforeSwap', (event) => {
    const part = event.target;
    // Whoever is writing has not read what came: the server says so when they send.
    if (part.id === 'z-turn' && written()) event.detail.shouldSwap = false;
    if (!part.hasAttribute('data-part')) return;
    if (part.contains(document.activeElement) || part.querySelector('details[open]')) {
      event.detail.shouldSwap = false;
      leftOut = true;
    }
  });
  document.addEventListener('htmx:configRequest', (event) => {
    if (!live(event) || !leftOut) return;
    leftOut = false;
    const { formData } = event.detail;
    const seen = formData.getAll('seen').filter((value) => !value.startsWith('mark|'));
    formData.delete('seen');
    for (const value of seen) formData.append('seen', value);
  });
  document.addEventListener('htmx:beforeRequest', (event) => {
    if (live(event) && document.hidden) event.preventDefault();
  });
  document.addEventListener('visibilitychange', () => {
    if (!document.hidden) document.body.dispatchEvent(new CustomEvent('z-look'));
  });
  // Signed out meanwhile: an answer that is half written is not left for that.
  document.addEventListener('htmx:beforeOnLoad', (event) => {
    if (live(event) && written() && event.detail.xhr.getResponseHeader('HX-Redirect')) event.preventDefault();
  });
  // The history is measured from its end: what comes above or below leaves the reader where they are.
  let place = 0;
  document.addEventListener('htmx:beforeSwap', (event) => {
    if (event.detail.target?.id === 'z-older') place = document.getElementById('z-thread').scrollTop;
  });
  document.addEventListener('htmx:afterSwap', (event) => {
    const { target, xhr } = event.detail;
    if (target?.id === 'z-older') document.getElementById('z-thread').scrollTop = place;
    // One's own answer is at the end.
    if (target?.id === 'z-composer' && xhr.status === 200) document.getElementById('z-thread').scrollTop = 0;
  });

  // What is being mended is no mistake any more; whether there is another one, the server says.
  document.addEventListener('input', ({ target }) => {
    if (target.id !== 'z-body') return;
    target.classList.remove('is-invalid');
    target.removeAttribute('aria-invalid');
    target.removeAttribute('aria-describedby');
    document.getElementById('z-body-mistake')?.remove();
  });

  // A part of the page that could not be loaded: said, not swallowed.
  const trouble = () => document.getElementById('z-trouble');
  const showTrouble = () => {
    const box = trouble();
    if (!box) return;
    box.textContent = box.dataset.text;
    box.hidden = false;
  };
  document.addEventListener('htmx:responseError', showTrouble);
  document.addEventListener('htmx:sendError', showTrouble);
  document.addEventListener('htmx:timeout', showTrouble);
  document.addEventListener('htmx:afterRequest', (event) => {
    const box = trouble();
    if (box && event.detail.successful) box.hidden = true;
  });
})();
