import type { TextKey } from '../locales';
import type { Page } from './page';

/**
 * A sentence of the catalogue with markup in it, wherever its language puts it:
 * "Bought with order {{order}}", parts={{ order: <a …/> }}.
 */
export function Sentence({
  page,
  text,
  values = {},
  parts,
}: {
  page: Pick<Page, 't'>;
  text: TextKey;
  values?: Record<string, string | number>;
  parts: Record<string, JSX.Element>;
}): JSX.Element {
  const names = Object.keys(parts);
  const filled: Record<string, string | number> = {};
  for (const [name, value] of Object.entries(values)) {
    // A value has no marks of its own: on SQLite a text can hold the character.
    filled[name] = typeof value === 'number' ? value : value.replaceAll('\0', '');
  }
  for (const [i, name] of names.entries()) filled[name] = `\0${i}\0`;
  const pieces = page.t(text, filled).split('\0');
  return (
    <>
      {pieces.map((piece, i) => {
        const part = i % 2 === 1 ? parts[names[Number(piece)] ?? ''] : undefined;
        return part === undefined ? <span safe>{piece}</span> : part;
      })}
    </>
  );
}
