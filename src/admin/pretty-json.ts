/** Deeper than that it is not moved further to the right. */
const INDENT_MAX = 20;

/**
 * JSON with a line for each member, as far as `maxChars` of it are shown. Only the space between its parts changes:
 * read and written again, 1.50 would become 1.5 and a member that stands there twice would stand there once.
 * Text that is no JSON is left as it is.
 */
export function prettyJson(text: string, maxChars: number): { text: string; cut: boolean } {
  const pretty = isJsonOfParts(text) ? withLines(text, maxChars) : text;
  if (pretty.length <= maxChars) return { text: pretty, cut: false };
  // Not in the middle of a character that takes two.
  const end = /[\uD800-\uDBFF]/.test(pretty.charAt(maxChars - 1)) ? maxChars - 1 : maxChars;
  return { text: pretty.slice(0, end), cut: true };
}

function isJsonOfParts(text: string): boolean {
  if (!/^\s*[[{]/.test(text)) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

const PART = /"(?:[^"\\]|\\.)*"|[[\]{},:]|[^\s"[\]{},:]+/gs;

function withLines(text: string, maxChars: number): string {
  let lines = '';
  let depth = 0;
  let before = '';
  const newLine = () => `\n${'  '.repeat(Math.min(depth, INDENT_MAX))}`;
  for (const [part] of text.matchAll(PART)) {
    const closes = part === '}' || part === ']';
    if (closes) depth -= 1;
    const isEmpty = closes && (before === '{' || before === '[');
    if ((closes && !isEmpty) || (!closes && ['{', '[', ','].includes(before))) lines += newLine();
    lines += part === ':' ? ': ' : part;
    if (part === '{' || part === '[') depth += 1;
    before = part;
    if (lines.length > maxChars) break;
  }
  return lines;
}
