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
  for (const button of document.querySelectorAll('[data-copy]')) {
    button.hidden = !navigator.clipboard;
    button.addEventListener('click', async () => {
      await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).value);
      button.querySelector('[role=status]').textContent = button.dataset.done;
    });
  }

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
  document.addEventListener('htmx:afterSwap', () => {
    const box = trouble();
    if (box) box.hidden = true;
  });
})();
