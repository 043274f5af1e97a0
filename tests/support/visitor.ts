import request, { type Response } from 'supertest';
import { findPersonWithHash, normaliseStaffEmail, openSession } from '../../src/domain/staff';
import { systemActor } from '../../src/platform/actor';
import { withTransaction } from '../../src/platform/db';
import { momentOf } from '../../src/usecases/context';
import type { TestApp } from './app';

/** The token of the first form on a page. */
export function csrfIn({ text }: { text: string }): string {
  return /name="_csrf" value="([^"]+)"/.exec(text)?.[1] ?? '';
}

/** What stands in an input of a page. */
export function fieldIn({ text }: { text: string }, name: string): string {
  const input = new RegExp(
    `<input(?: [a-z-]+(?:="[^"]*")?)*? name="${name}"(?: [a-z-]+(?:="[^"]*")?)*/?>`,
  ).exec(text)?.[0];
  return / value="([^"]*)"/.exec(input ?? '')?.[1] ?? '';
}

/** A browser without its window, as somebody: cookies are kept, forms carry their token. */
export class Visitor {
  private constructor(
    readonly app: TestApp,
    private readonly agent: ReturnType<typeof request.agent>,
  ) {}

  /** null: nobody. */
  static async of(app: TestApp, email: string | null): Promise<Visitor> {
    const agent = request.agent(app.http);
    if (email !== null) {
      const found = await findPersonWithHash(app.db, { emailNormalised: normaliseStaffEmail(email) });
      if (!found) throw new Error(`nobody has the e-mail address ${email}`);
      const moment = momentOf(app.ctx, systemActor);
      const { token } = await withTransaction(app.db, (trx) => openSession(trx, moment, found.person.id));
      agent.jar.setCookie(`zeton_session=${token}; Path=/`);
    }
    return new Visitor(app, agent);
  }

  get(path: string, headers: Record<string, string> = {}) {
    return this.agent.get(path).set({ Accept: 'text/html', ...headers });
  }

  /** Sends a form with the token of the page `from`; several values of one name as a list. */
  async post(
    path: string,
    fields: Record<string, string | string[]>,
    from = '/console/account',
  ): Promise<Response> {
    return this.postBare(path, { _csrf: csrfIn(await this.get(from)), ...fields });
  }

  /** The same form with files, as browsers send it: the fields first. */
  async postFiles(
    path: string,
    fields: Record<string, string>,
    files: { name: string; content: Buffer; type?: string }[],
    from = '/console/account',
  ): Promise<Response> {
    const sending = this.agent.post(path).set({ 'Sec-Fetch-Site': 'same-origin', Accept: 'text/html' });
    for (const [name, value] of Object.entries({ _csrf: csrfIn(await this.get(from)), ...fields })) {
      sending.field(name, value);
    }
    for (const { name, content, type = 'application/octet-stream' } of files) {
      sending.attach('files', content, { filename: name, contentType: type });
    }
    return sending;
  }

  postRaw(path: string, type: string, body: string) {
    return this.agent
      .post(path)
      .set({ 'Sec-Fetch-Site': 'same-origin', Accept: 'text/html', 'Content-Type': type })
      .send(body);
  }

  /** Exactly these fields. */
  postBare(path: string, fields: Record<string, string | string[]>, headers: Record<string, string> = {}) {
    return this.agent
      .post(path)
      .set({ 'Sec-Fetch-Site': 'same-origin', Accept: 'text/html', ...headers })
      .type('form')
      .send(fields);
  }
}
