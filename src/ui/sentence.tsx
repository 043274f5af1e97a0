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
  const marks = names.map((name, i) => [name, `\0${i}\0`]);
  // A value has no marks of its own: on SQLite a text can hold the character.
  const plain = Object.entries(values).map(([name, value]) => [name, String(value).replaceAll('\0', '')]);
  const count = typeof values.count === 'number' ? { count: values.count } : {};
  const pieces = page.t(text, { ...Object.fromEntries([...plain, ...marks]), ...count }).split('\0');
  return (
    <>
      {pieces.map((piece, i) => {
        const part = i % 2 === 1 ? parts[names[Number(piece)] ?? ''] : undefined;
        return part === undefined ? <span safe>{piece}</span> : <>{part}</>;
      })}
    </>
  );
}
