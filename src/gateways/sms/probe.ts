/**
 * Does Twilio accept our sign-in, and is the account active? Nothing is sent.
 * Shape:   → null, or what is wrong
 * Source:  https://www.twilio.com/docs/iam/api/account
 */
export async function probeTwilio(settings: {
  accountSid: string;
  authToken: string;
  /** Another host that speaks as api.twilio.com does. */
  baseUrl: string | null;
  answerMs: number;
}): Promise<string | null> {
  const { accountSid, authToken, baseUrl, answerMs } = settings;
  const login = Buffer.from(`${accountSid}:${authToken}`).toString('base64');
  try {
    const answer = await fetch(
      `${baseUrl ?? 'https://api.twilio.com'}/2010-04-01/Accounts/${accountSid}.json`,
      {
        headers: { authorization: `Basic ${login}` },
        redirect: 'error',
        signal: AbortSignal.timeout(answerMs),
      },
    );
    if (answer.status === 401 || answer.status === 403) return 'Twilio does not accept our sign-in';
    if (answer.status !== 200) return `Twilio answers with HTTP ${answer.status}`;
    const { status } = (await answer.json()) as { status?: unknown };
    return status === 'active' ? null : `the account at Twilio is not active (${wordOf(status)})`;
  } catch (error) {
    const { name, cause } = error as { name?: unknown; cause?: { code?: unknown } };
    return `Twilio does not answer (${wordOf(cause?.code ?? name)})`;
  }
}

function wordOf(text: unknown): string {
  return typeof text === 'string' && /^\w{1,40}$/.test(text) ? text : 'unknown';
}
