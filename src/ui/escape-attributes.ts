import runtime from '@kitajs/html/jsx-runtime';

type Attributes = Record<string, unknown>;

let done = false;

/**
 * Makes kitajs escape attributes as HTML wants it. By itself it replaces only the quote: a customer called "A &lt; B"
 * would stand in a title or an input as "A < B", and be saved so. Call it before the first page is drawn.
 */
export function escapeAttributes(): void {
  if (done) return;
  done = true;
  const { jsx, jsxs } = runtime;
  const writable = runtime as { jsx: typeof jsx; jsxs: typeof jsxs };
  writable.jsx = (name, attributes) => jsx(name, typeof name === 'string' ? escaped(attributes) : attributes);
  writable.jsxs = (name, attributes) =>
    jsxs(name, typeof name === 'string' ? (escaped(attributes) as typeof attributes) : attributes);
}

function escaped(attributes: Attributes): Attributes {
  let copy: Attributes | undefined;
  for (const name in attributes) {
    const value = attributes[name];
    if (name === 'children' || typeof value !== 'string' || !value.includes('&')) continue;
    copy ??= { ...attributes };
    copy[name] = value.replaceAll('&', '&amp;');
  }
  return copy ?? attributes;
}
