import { gather } from '../../src/platform/gather';
import { Refusal } from '../../src/platform/refusal';

/** Runs that end when the test says so. */
function held<O>(answer: (items: string[]) => (O | Promise<O>)[]) {
  const runs: { items: string[]; end(): void; fail(error: Error): void }[] = [];
  const run = (items: string[]) =>
    new Promise<PromiseSettledResult<Awaited<O>>[]>((resolve, reject) => {
      runs.push({ items, end: () => resolve(Promise.allSettled(answer(items))), fail: reject });
    });
  return { runs, run };
}

const many = { itemsMax: 100, waitingMax: 100 };
/** Everything that follows from promises that are settled already. */
const settled = () => new Promise(setImmediate);

describe('calls that are gathered', () => {
  it('run at once when nothing else does, and together when they waited', async () => {
    const { runs, run } = held((items) => items.map((item) => item.toUpperCase()));
    const call = gather({ run, ...many });
    const answers = [call('a'), call('b'), call('c')];
    expect(runs.map(({ items }) => items)).toEqual([['a']]);
    runs[0]!.end();
    await expect(answers[0]).resolves.toBe('A');
    await settled();
    expect(runs.map(({ items }) => items)).toEqual([['a'], ['b', 'c']]);
    runs[1]!.end();
    await expect(Promise.all(answers)).resolves.toEqual(['A', 'B', 'C']);
  });

  it('are answered by no run that began before they came', async () => {
    let value = 'old';
    const { runs, run } = held((items) => items.map(() => value));
    const call = gather({ run, ...many });
    void call('x');
    const later = call('x');
    runs[0]!.end();
    await settled();
    value = 'new';
    runs[1]!.end();
    await expect(later).resolves.toBe('new');
  });

  it('are not answered before their run has ended', async () => {
    const { runs, run } = held((items) => items);
    const call = gather({ run, ...many });
    let answered = false;
    const answer = call('a').then(() => {
      answered = true;
    });
    await settled();
    expect(answered).toBe(false);
    runs[0]!.end();
    await answer;
  });

  it('fail one by one where the run says so, and together where it throws; the next ones run again', async () => {
    const { runs, run } = held((items) =>
      items.map((item) => (item === 'bad' ? Promise.reject(new Error('bad one')) : item)),
    );
    const call = gather({ run, ...many });
    const first = call('a').catch(String);
    const rest = ['b', 'bad', 'c'].map((item) => call(item).catch(String));
    runs[0]!.fail(new Error('away'));
    await expect(first).resolves.toBe('Error: away');
    await settled();
    runs[1]!.end();
    await expect(Promise.all(rest)).resolves.toEqual(['b', 'Error: bad one', 'c']);
    const later = call('d');
    runs[2]!.end();
    await expect(later).resolves.toBe('d');
  });

  it('run in batches that keep to both limits, however heavy one is', async () => {
    const { runs, run } = held((items) => items);
    const call = gather({
      run,
      weigh: (item) => item.length,
      itemsMax: 3,
      weightMax: 5,
      waitingMax: 100,
      waitingWeightMax: 100,
    });
    const answers = ['a', 'b', 'c', 'd', 'e', '333', '4444', '7777777', 'f'].map(call);
    for (let index = 0; index < runs.length; index++) {
      runs[index]!.end();
      await settled();
    }
    await Promise.all(answers);
    expect(runs.map(({ items }) => items.join())).toEqual(['a', 'b,c,d', 'e,333', '4444', '7777777', 'f']);
  });

  it('are refused as unavailable when too many or too much wait, and taken again afterwards', async () => {
    const { runs, run } = held((items) => items);
    const call = gather({
      run,
      weigh: (item) => item.length,
      itemsMax: 10,
      weightMax: 10,
      waitingMax: 2,
      waitingWeightMax: 5,
    });
    const unavailable = new Refusal('unavailable', 'Too much waits here already.');
    const taken = [call('a'), call('333')];
    await expect(call('333')).rejects.toEqual(unavailable); // too heavy together
    taken.push(call('b'));
    await expect(call('c')).rejects.toEqual(unavailable); // too many
    runs[0]!.end();
    await settled();
    taken.push(call('333'), call('d'));
    await expect(call('e')).rejects.toEqual(unavailable);
    for (let index = 1; index < runs.length; index++) {
      runs[index]!.end();
      await settled();
    }
    await expect(Promise.all(taken)).resolves.toEqual(['a', '333', 'b', '333', 'd']);
  });
});
