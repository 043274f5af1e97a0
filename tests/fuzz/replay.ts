import { setTimeout as sleep } from 'node:timers/promises';
import { loadFailure } from './failures';
import { prepareCorpus } from './run';
import { faultOf } from './verdicts';
import { Lane } from './wire';
import type { Server, Shop } from './world';

const WAIT_MS = 5_000;

/** Sends a kept request to a fresh server with the recorded orders in it, and says what is wrong this time; null: nothing. */
export async function replay(
  server: Server,
  shop: Shop,
  file: string,
  say: (line: string) => void,
): Promise<string | null> {
  const corpus = await prepareCorpus(server, shop);
  const { request, bytes, fault } = loadFailure(file, corpus);
  say(`then: ${fault}`);
  const lane = new Lane(server.port, WAIT_MS * 4);
  const answer = await lane.send({ bytes, method: request.method, cutOff: request.cutOff });
  lane.close();
  const shown =
    answer.kind === 'answer' ? `${answer.status}\n${answer.body.toString('utf8', 0, 3000)}` : answer.kind;
  say(`now: ${shown}`);
  const deadline = Date.now() + WAIT_MS;
  const pending = () => server.db('deliveries').where({ status: 'pending' }).first('reason', 'attempts');
  while ((await pending()) && server.died() === null && Date.now() < deadline) await sleep(50);
  const stuck = (await pending()) as { reason: string | null } | undefined;
  const found = [
    faultOf(request, answer),
    server.died(),
    stuck ? `a delivery stays pending: ${String(stuck.reason)}` : null,
    ...server.faults.keys(),
  ].filter((one) => one !== null);
  say(found.length > 0 ? `still wrong: ${found.join('; ')}` : 'nothing is wrong with it any more');
  return found[0] ?? null;
}
