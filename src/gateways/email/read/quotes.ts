import {
  attribution,
  beginsAttribution,
  isDeviceSignature,
  isForwardMark,
  isForwardSubject,
  isOriginalMark,
  quotedField,
  signatureMark,
} from './quote-words';

export interface Line {
  text: string;
  /** What its HTML says of it; lines of plain text begin as new. */
  kind: 'new' | 'quote' | 'signature';
}

export interface FoldedText {
  visibleText: string;
  quotedText: string;
  signature: string;
}

export function plainToLines(text: string): Line[] {
  return text.split('\n').map((line) => ({ text: line, kind: 'new' }));
}

/**
 * Tells what is new in a mail from what it repeats. Each line that is not blank is in exactly one of the three texts.
 * Where nothing would be left to see, or answers stand between quotes, the quotes are shown too; a forwarded mail is what
 * the sender wants to be read, and is no quote.
 * Shape:   lines, subject → FoldedText
 */
export function foldQuotes(given: Line[], subject: string): FoldedText {
  const lines = given.map((line) => ({
    ...line,
    text: line.text.trimEnd() === '--' ? line.text : line.text.trimEnd(),
  }));
  markQuotedLines(lines);
  markIntroductions(lines);
  const forward = forwardStart(lines, subject);
  if (forward === null) markQuotedRest(lines);
  const own = forward === null ? lines : lines.slice(0, forward);
  markSignature(own);
  for (const line of forward === null ? [] : lines.slice(forward)) line.kind = 'new';

  if (!hasNew(lines)) for (const line of lines) line.kind = 'new';
  if (isAnsweredInline(lines)) showQuotes(lines);
  return {
    visibleText: textOf(lines, 'new'),
    quotedText: textOf(lines, 'quote'),
    signature: textOf(lines, 'signature'),
  };
}

function markQuotedLines(lines: Line[]): void {
  for (const line of lines) if (/^ {0,2}>/.test(line.text)) line.kind = 'quote';
}

/** "On … wrote:", broken into up to four lines, right above quoted ones. */
function markIntroductions(lines: Line[]): void {
  for (let i = 1; i < lines.length; i++) {
    if (lines[i]?.kind !== 'quote') continue;
    let end = i - 1;
    while (end >= 0 && i - end <= 3 && isBlank(lines[end])) end--;
    const last = lines[end];
    if (last?.kind !== 'new') continue;
    const start = isAcross(last) ? end : introductionStart(lines, end, 1);
    if (start !== null) for (let at = start; at < i; at++) lines[at]!.kind = 'quote';
  }
}

/** A line drawn above what is quoted. */
function isAcross(line: Line): boolean {
  return /^\s{0,9}[-_*]{5,}$/.test(line.text);
}

function introductionStart(lines: Line[], end: number, sure: 1 | 3): number | null {
  let best: { start: number; strength: number } | null = null;
  for (let start = end; start >= Math.max(0, end - 3); start--) {
    const line = lines[start];
    if (line?.kind !== 'new' || isBlank(line)) break;
    const strength = attribution(joined(lines, start, end));
    if (strength >= sure && strength > (best?.strength ?? 0)) best = { start, strength };
  }
  if (!best) return null;
  const above = lines[best.start - 1];
  const isBroken = best.start > end - 3 && above?.kind === 'new' && beginsAttribution(above.text.trim());
  return isBroken ? best.start - 1 : best.start;
}

function joined(lines: Line[], start: number, end: number): string {
  return lines
    .slice(start, end + 1)
    .map((line) => line.text.trim())
    .join(' ');
}

/** Where a forwarded mail begins: from there on everything is meant to be read. */
function forwardStart(lines: Line[], subject: string): number | null {
  let previous: Line['kind'] = 'new';
  const isForward = isForwardSubject(subject);
  for (const [i, line] of lines.entries()) {
    if (isBlank(line)) continue;
    const bare = line.text.replace(/^[> ]+/, '');
    // Inside of a quote it belongs to the mail that is answered.
    if (previous !== 'quote' || line.kind !== 'quote') {
      if (isForwardMark(bare)) return i;
      if (isForward && (isOriginalMark(bare) || isQuotedHead(lines, i))) return i;
    }
    previous = line.kind;
  }
  return null;
}

/** Programs that mark no lines: from "Original message", the head of the old mail or a full introduction on, all is old. */
function markQuotedRest(lines: Line[]): void {
  const at = lines.findIndex(
    (line, i) =>
      line.kind === 'new' &&
      !isBlank(line) &&
      (isOriginalMark(line.text) ||
        isQuotedHead(lines, i) ||
        isRunIntoQuote(line.text) ||
        (line.text.endsWith(':') && introductionStart(lines, i, 3) !== null)),
  );
  if (at < 0) return;
  let start = introductionStart(lines, at, 3) ?? at;
  // The line across above it.
  while (start > 0 && (isBlank(lines[start - 1]) || isAcross(lines[start - 1]!))) start--;
  for (const line of lines.slice(start)) line.kind = 'quote';
}

/** Yahoo on phones: the introduction, and on the same line the quote. */
function isRunIntoQuote(text: string): boolean {
  const head = /^\s{0,9}(\S.{9,300}?:)\s{2,20}\S/.exec(text)?.[1];
  return head !== undefined && attribution(head) === 3;
}

/** "From:", and soon after it all of the other fields, or two and an address: "Von: Ljubljana, An: Zagreb" is no mail. */
function isQuotedHead(lines: Line[], at: number): boolean {
  const bare = (line: Line) => line.text.slice(0, 2000).replace(/^[> ]+/, '');
  const first = quotedField(bare(lines[at]!));
  // GMX begins with the time.
  if (first !== 'from' && first !== 'sent') return false;
  const found = new Set<string>();
  let hasAddress = false;
  for (const line of lines.slice(at, at + 10)) {
    const field = quotedField(bare(line));
    if (field) found.add(field);
    hasAddress ||= line.text.includes('@') && (field === 'from' || field === 'to');
  }
  return found.has('from') && found.size >= (hasAddress ? 3 : 4);
}

function markSignature(lines: Line[]): void {
  for (const line of lines) if (line.kind === 'new' && isDeviceSignature(line.text)) line.kind = 'signature';
  for (const [i, line] of lines.entries()) {
    if (line.kind !== 'new') continue;
    const mark = signatureMark(line.text);
    if (!mark) continue;
    const end = lines.findIndex((other, at) => at > i && other.kind === 'quote');
    const block = lines.slice(i, end < 0 ? undefined : end);
    // More than that is text below a line that somebody drew.
    if (block.filter((other) => !isBlank(other)).length - 1 > (mark === 'exact' ? 40 : 10)) continue;
    for (const other of block) other.kind = 'signature';
    return;
  }
}

/** Something new below a quote, and a quote below that again. */
function isAnsweredInline(lines: Line[]): boolean {
  let runs = 0;
  let previous: Line['kind'] = 'new';
  for (const line of lines) {
    if (isBlank(line) || line.kind === 'signature') continue;
    if (line.kind === 'quote' && previous === 'new') runs++;
    previous = line.kind;
  }
  return runs >= 2;
}

function showQuotes(lines: Line[]): void {
  for (const line of lines) if (line.kind === 'quote') line.kind = 'new';
}

function hasNew(lines: Line[]): boolean {
  // A line across is nothing to read.
  return lines.some((line) => line.kind === 'new' && /[^\s_*=-]/.test(line.text));
}

function isBlank(line: Line | undefined): boolean {
  return line !== undefined && line.text.trim() === '';
}

function textOf(lines: Line[], kind: Line['kind']): string {
  return tidy(
    lines
      .filter((line) => line.kind === kind)
      .map((line) => line.text)
      .join('\n'),
  );
}

/** Blank lines at the ends and in heaps say nothing. */
export function tidy(text: string): string {
  return text.replace(/\n(?:[^\S\n]*\n){2,}/g, '\n\n').trim();
}
