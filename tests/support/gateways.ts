import type { Gateways } from '../../src/usecases/context';

type Method = (question: never) => Promise<unknown>;

/** One call to the outside world: written down, and answered by the default transport unless a test says otherwise. */
export class Recorded<Question, Answer> {
  readonly calls: Question[] = [];
  private once: ((question: Question) => Promise<Answer>)[] = [];
  private always: ((question: Question) => Promise<Answer>) | null = null;

  constructor(private readonly real: (question: Question) => Promise<Answer>) {}

  /** The next call is answered like this; a function may also throw or wait. Several are used up in order. */
  answerOnce(answer: Answer | ((question: Question) => Promise<Answer>)): this {
    this.once.push(asFunction(answer));
    return this;
  }

  /** Every call from now on; null: the default transport again. */
  answer(answer: Answer | ((question: Question) => Promise<Answer>) | null): this {
    this.always = answer === null ? null : asFunction(answer);
    return this;
  }

  /** The next call ends in a cut connection: nobody knows what came of it. */
  failOnce(message = 'socket hang up'): this {
    this.once.push(() => Promise.reject(new Error(message)));
    return this;
  }

  readonly ask = (question: Question): Promise<Answer> => {
    this.calls.push(question);
    return (this.once.shift() ?? this.always ?? this.real)(question);
  };
}

function asFunction<Q, A>(answer: A | ((question: Q) => Promise<A>)): (question: Q) => Promise<A> {
  return typeof answer === 'function'
    ? (answer as (question: Q) => Promise<A>)
    : () => Promise.resolve(answer);
}

type RecordedMethod<M extends Method> = Recorded<Parameters<M>[0], Awaited<ReturnType<M>>>;

/** `app.gateways.sms.answerOnce({ kind: 'rejected', reason: '…' })`, `app.gateways.email.calls` */
export interface RecordingGateways {
  email: RecordedMethod<Gateways['email']['send']>;
  sms: RecordedMethod<Gateways['sms']['send']>;
  /** Whether the provider has a message that was cut off. */
  findSms: RecordedMethod<NonNullable<Gateways['sms']['findSent']>>;
  /** Of the shop: no REST, unless a test answers. */
  readOrder: Recorded<
    { shop: Parameters<Gateways['woocommerce']['readOrder']>[0]; wooId: number },
    Awaited<ReturnType<Gateways['woocommerce']['readOrder']>>
  >;
  readRefunds: Recorded<
    { shop: Parameters<Gateways['woocommerce']['readRefunds']>[0]; wooId: number },
    Awaited<ReturnType<Gateways['woocommerce']['readRefunds']>>
  >;
}

/** Puts a recorder before each default transport. */
export function recordGateways(defaults: Gateways): { gateways: Gateways; recorded: RecordingGateways } {
  const { email, sms, woocommerce } = defaults;
  const recorded: RecordingGateways = {
    email: new Recorded((mail) => email.send(mail)),
    sms: new Recorded((text) => sms.send(text)),
    findSms: new Recorded((question) =>
      sms.findSent ? sms.findSent(question) : Promise.resolve({ kind: 'unknown' as const }),
    ),
    readOrder: new Recorded(({ shop, wooId }) => woocommerce.readOrder(shop, wooId)),
    readRefunds: new Recorded(({ shop, wooId }) => woocommerce.readRefunds(shop, wooId)),
  };
  return {
    recorded,
    gateways: {
      ...defaults,
      email: { ...email, send: recorded.email.ask },
      sms: { ...sms, send: recorded.sms.ask, findSent: recorded.findSms.ask },
      woocommerce: {
        ...woocommerce,
        readOrder: (shop, wooId) => recorded.readOrder.ask({ shop, wooId }),
        readRefunds: (shop, wooId) => recorded.readRefunds.ask({ shop, wooId }),
      },
    },
  };
}
