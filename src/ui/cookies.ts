import type { CookieOptions, Request, Response } from 'express';

/** What Zeton keeps in a browser. The session's value is worth a sign-in: nobody but `routes` reads it. */
export const COOKIES = {
  session: 'zeton_session',
  /** Of whoever is not signed in, so that their forms have a token too. */
  form: 'zeton_form',
  theme: 'zeton_theme',
  flash: 'zeton_flash',
} as const;

export function cookieOf(req: Request, name: string): string | undefined {
  for (const part of (req.headers.cookie ?? '').split(';')) {
    const [key = '', ...value] = part.split('=');
    if (key.trim() !== name) continue;
    try {
      return decodeURIComponent(value.join('=').trim());
    } catch {
      return undefined;
    }
  }
  return undefined;
}

function options(https: boolean): CookieOptions {
  return { httpOnly: true, sameSite: 'lax', secure: https, path: '/' };
}

export function setCookie(
  res: Response,
  https: boolean,
  name: string,
  value: string,
  seconds: number | null,
): void {
  const lasting = seconds === null ? {} : { maxAge: seconds * 1000 };
  res.cookie(name, value, { ...options(https), ...lasting });
}

export function clearCookie(res: Response, https: boolean, name: string): void {
  res.clearCookie(name, options(https));
}
