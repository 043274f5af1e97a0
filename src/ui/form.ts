/** What somebody chose to send along. */
export interface FormFile {
  name: string;
  /** As the browser has it. */
  type: string;
  content: Buffer;
}

/** The fields of a posted form, as text, and its files. What is missing is ''. */
export class Form {
  constructor(
    private readonly fields: Record<string, unknown>,
    readonly files: FormFile[] = [],
    /** More came than is taken: here is what stood whole before that. */
    readonly isCutOff = false,
  ) {}

  /** Browsers send line ends as CR LF; nobody else wants them. */
  text(name: string): string {
    return this.all(name)[0] ?? '';
  }

  trimmed(name: string): string {
    return this.text(name).trim();
  }

  /** Of check boxes, or of fields that stand there several times. */
  all(name: string): string[] {
    const value = this.fields[name];
    const texts = (Array.isArray(value) ? value : [value]).filter((one) => typeof one === 'string');
    return texts.map((text: string) => text.replaceAll('\r\n', '\n'));
  }

  has(name: string): boolean {
    return Object.hasOwn(this.fields, name);
  }

  /** Every field with its values, for a page that keeps what was typed. */
  entries(): [string, string][] {
    return Object.keys(this.fields).flatMap((name) =>
      this.all(name).map((value): [string, string] => [name, value]),
    );
  }
}

/** What is wrong, by field, in words for the reader; empty: nothing. */
export type Mistakes = Record<string, string>;
