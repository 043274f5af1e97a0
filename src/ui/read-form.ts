import { type Request, type Response, urlencoded } from 'express';
import { limits } from '../platform/limits';
import { Refusal } from '../platform/refusal';
import { Form, type FormFile } from './form';

const readFields = urlencoded({ extended: false, limit: limits.formBodyBytes });

/**
 * A posted form. What is too much with files is thrown away as it comes, and the fields before it are kept: what somebody
 * typed is not lost by a file that is too large.
 * Shape:   mayUpload: files are for those who are signed in; others are read like a form without
 * Errors:  malformed-request, body-too-large
 */
export async function readForm(
  req: Request,
  res: Response,
  { mayUpload }: { mayUpload: boolean },
): Promise<Form> {
  const type = req.headers['content-type'] ?? '';
  if (!/^multipart\/form-data\s*;/i.test(type)) {
    await new Promise<void>((resolve, reject) => {
      readFields(req, res, (failure: unknown) => (failure ? reject(failure as Error) : resolve()));
    });
    return new Form((req.body ?? {}) as Record<string, unknown>);
  }
  const { bytes, isCutOff } = await readUpTo(req, mayUpload ? limits.uploadBytes : limits.formBodyBytes);
  const { fields, files } = await partsOf(isCutOff ? endedAtLastPart(bytes, type) : bytes, type);
  return new Form(fields, files, isCutOff);
}

async function readUpTo(req: Request, most: number): Promise<{ bytes: Buffer; isCutOff: boolean }> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of req as AsyncIterable<Buffer>) {
    if (size < most) pieces.push(piece.subarray(0, most - size));
    size += piece.length;
    if (size > limits.uploadReadBytes) {
      const facts = { limit_bytes: most };
      throw new Refusal('body-too-large', 'The body is larger than is accepted here.', facts);
    }
  }
  return { bytes: Buffer.concat(pieces), isCutOff: size > most };
}

/** As if it ended after the last part that came whole. */
function endedAtLastPart(bytes: Buffer, type: string): Buffer {
  const [, quoted, plain] = /;\s*boundary=(?:"([^"]+)"|([^\s;]+))/i.exec(type) ?? [];
  const delimiter = `\r\n--${quoted ?? plain ?? ''}`;
  const end = Math.max(0, bytes.lastIndexOf(delimiter));
  return Buffer.concat([bytes.subarray(0, end), Buffer.from(`${delimiter}--\r\n`)]);
}

async function partsOf(
  body: Buffer,
  type: string,
): Promise<{ fields: Record<string, string[]>; files: FormFile[] }> {
  const fields = Object.create(null) as Record<string, string[]>;
  const files: FormFile[] = [];
  let parts: FormData;
  try {
    parts = await new globalThis.Response(body, { headers: { 'content-type': type } }).formData();
  } catch {
    throw new Refusal('malformed-request', 'The form cannot be read.');
  }
  for (const [name, value] of parts) {
    if (typeof value === 'string') {
      fields[name] = [...(fields[name] ?? []), value];
      // What a browser sends for a field in which nothing was chosen.
    } else if (value.name !== '' || value.size > 0) {
      files.push({ name: value.name, type: value.type, content: Buffer.from(await value.arrayBuffer()) });
    }
  }
  return { fields, files };
}
