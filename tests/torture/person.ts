import { csrfIn } from '../support/visitor';

export const PERSON = { email: 'carol@shop.example', password: 'a password of the torture' };

/** Somebody at the console, by its pages and forms alone. */
export class Person {
  private readonly cookies = new Map<string, string>();

  private constructor(private readonly url: string) {}

  static async signedIn(url: string): Promise<Person> {
    const person = new Person(url);
    const status = await person.post('/sign-in', PERSON, '/sign-in');
    if (status !== 303) throw new Error(`the sign-in was answered ${status}`);
    return person;
  }

  /** The page as it is read. */
  async read(path: string): Promise<string> {
    const response = await this.fetch(path);
    return response.text();
  }

  /** Sends a form of the page `from`; answers the status. */
  async post(path: string, fields: Record<string, string>, from: string): Promise<number> {
    const _csrf = csrfIn({ text: await this.read(from) });
    const response = await this.fetch(path, new URLSearchParams({ _csrf, ...fields }));
    await response.text();
    return response.status;
  }

  /** The one click on a message of which nobody knows whether it went out. */
  settle(ticketNumber: number, messageId: string, sent: boolean): Promise<number> {
    const ticket = `/console/tickets/${ticketNumber}`;
    return this.post(`${ticket}/messages/${messageId}/outcome`, { sent: sent ? 'yes' : 'no' }, ticket);
  }

  private async fetch(path: string, body?: URLSearchParams): Promise<Response> {
    const response = await fetch(`${this.url}${path}`, {
      ...(body === undefined ? {} : { method: 'POST', body }),
      redirect: 'manual',
      headers: {
        Accept: 'text/html',
        Cookie: [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; '),
      },
    });
    for (const cookie of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(cookie) ?? [];
      this.cookies.set(name, value);
    }
    return response;
  }
}
