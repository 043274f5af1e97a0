import request, { type Response } from 'supertest';
import { groups } from '../../src/api';
import { allProblems } from '../../src/api/problems';
import { csvCell } from '../../src/api/statement.csv';
import { html } from '../../src/platform/html';
import { type Api, type ApiWorld, makeApiWorld } from '../support/api';
import { describeEachEngine } from '../support/databases';

/** An answer, read loosely. */
type Json = Response['body'];
const endpoints = groups.flatMap((group) => group.endpoints);

describeEachEngine('the document of the API', (engine) => {
  let world: ApiWorld;
  let nobody: Api;
  let document: Json;
  beforeAll(async () => {
    world = await makeApiWorld(engine);
    nobody = world.api.as(null);
    document = (
      await nobody
        .get('openapi.json')
        .expect(200)
        .expect('content-type', /application\/json/)
    ).body;
  });
  const operations = () =>
    Object.entries(document.paths as Json).flatMap(([path, item]) =>
      Object.entries(item as Json).map(([method, operation]) => ({
        path,
        method,
        operation: operation as Json,
      })),
    );

  it('is OpenAPI 3.1, and has every endpoint once', () => {
    expect(document.openapi).toBe('3.1.0');
    expect(document.servers).toEqual([{ url: 'https://help.example.com' }]);
    expect(operations()).toHaveLength(endpoints.length);
    const ids = operations().map(({ operation }) => operation.operationId);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('has every row of the contract', () => {
    const documented = operations().map(
      ({ method, path }) => `${method.toUpperCase()} ${path.slice('/api/v1'.length)}`,
    );
    for (const row of [
      'POST /stores',
      'GET /stores/{slug}',
      'PATCH /stores/{slug}',
      'POST /packages',
      'GET /packages',
      'PATCH /packages/{id}',
      'GET /orders',
      'GET /customers',
      'GET /customers/{id}',
      'GET /customers/{id}/credits',
      'GET /customers/{id}/statement',
      'POST /customers/{id}/adjustments',
      'GET /tickets',
      'POST /tickets',
      'GET /tickets/{id}',
      'PATCH /tickets/{id}',
      'POST /tickets/{id}/quotes',
      'POST /tickets/{id}/messages',
      'GET /messages/{id}',
      'POST /tickets/{id}/video-sessions',
      'GET /video-sessions/{id}',
      'POST /video-sessions/{id}/end',
      'POST /video-sessions/{id}/events',
      'GET /deliveries',
      'POST /deliveries/{id}/retry',
      'GET /sandbox/messages',
    ]) {
      expect(documented).toContain(row);
    }
  });

  it('says of every operation what it takes, answers and needs', () => {
    for (const { path, method, operation } of operations()) {
      const names = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]);
      const params = ((operation.parameters ?? []) as Json[]).filter((parameter) => parameter.in === 'path');
      expect(params.map((parameter) => parameter.name)).toEqual(names);
      expect(params.every((parameter) => parameter.required === true)).toBe(true);
      expect(operation.security).toEqual([{ token: [expect.stringMatching(/^[a-z]+:(read|write)$/)] }]);
      const statuses = Object.keys(operation.responses as Json);
      expect(statuses).toEqual(expect.arrayContaining(['401', '403', '500', '503']));
      expect(statuses.some((status) => status.startsWith('2'))).toBe(true);
      for (const [status, response] of Object.entries(operation.responses as Record<string, Json>)) {
        expect(response.description).not.toBe('');
        const type = Number(status) < 300 ? 'application/json' : 'application/problem+json';
        expect(response.content[type].schema).toBeDefined();
      }
      if (method === 'get') expect(operation.requestBody).toBeUndefined();
    }
  });

  it('refers only to what it has, and leaves readers room for new members', () => {
    const text = JSON.stringify(document);
    const refs = [...text.matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)].map(
      (match) => match[1] as string,
    );
    expect(refs.length).toBeGreaterThan(20);
    for (const name of refs) expect(document.components.schemas).toHaveProperty([name]);
    expect(document.components.schemas.Order).not.toHaveProperty('additionalProperties');
    const { meters } = document.components.schemas.Order.properties.lines.items.properties;
    expect(Object.keys(meters.additionalProperties.properties)).toEqual(['wanted', 'net', 'shortfall']);
    expect(document.components.schemas.NewPackage.additionalProperties).toBe(false);
  });

  it('documents what validates', () => {
    const { NewPackage, NewMessage } = document.components.schemas;
    expect(NewPackage.required.sort()).toEqual(['grants', 'match', 'name', 'store']);
    expect(NewPackage.properties.grants.items.properties.quantity).toMatchObject({
      minimum: 1,
      maximum: 1_000_000,
    });
    expect(NewMessage.properties.channel.enum).toEqual(['sms', 'email', 'note']);
    const list = document.paths['/api/v1/orders'].get.parameters as Json[];
    const limit = list.find((parameter) => parameter.name === 'limit')?.schema;
    expect(limit).toMatchObject({ type: 'integer', minimum: 1, maximum: 200, default: 50 });
    expect(limit).not.toHaveProperty('pattern');
    const keyOf = (path: string) =>
      (document.paths[path].post.parameters as Json[]).find(
        (parameter) => parameter.name === 'Idempotency-Key',
      );
    expect(keyOf('/api/v1/customers/{id}/adjustments')?.required).toBe(true);
    expect(keyOf('/api/v1/tickets/{id}/messages')?.required).toBeFalsy();
    expect(keyOf('/api/v1/video-sessions/{id}/events')).toBeUndefined();
  });

  it('is served: every documented address is known', async () => {
    for (const { path, method } of operations()) {
      const answer = await nobody.call(
        method as 'get',
        path.replace('{slug}', 'default').replace('{id}', 'x'),
      );
      expect(answer.status).toBe(401);
    }
  });

  it('can be read without a token, and runs and loads nothing', async () => {
    const page = await nobody
      .get('/api/docs')
      .expect(200)
      .expect('content-type', /text\/html/);
    expect(page.headers['content-security-policy']).toContain("script-src 'self'");
    expect(page.text).not.toMatch(/<script|<style|\son\w+=|\sstyle=|javascript:/i);
    const loaded = [...page.text.matchAll(/(?:src|<link[^>]*href)="([^"]*)"/g)].map((match) => match[1]);
    expect(loaded).toEqual(['data:,', '/api/docs/style.css']);
    const style = await nobody
      .get('/api/docs/style.css')
      .expect(200)
      .expect('content-type', /text\/css/);
    expect(style.text).not.toMatch(/@import|url\(/);
    for (const { path, operation } of operations()) {
      expect(page.text).toContain(`id="${operation.operationId}"`);
      expect(page.text).toContain(`<code class="path">${path}</code>`);
    }
  });

  it('has an anchor for every link within the page', async () => {
    const page = (await nobody.get('/api/docs').expect(200)).text;
    const ids = [...page.matchAll(/\sid="([^"]+)"/g)].map((match) => match[1]);
    expect(new Set(ids).size).toBe(ids.length);
    for (const [, target] of page.matchAll(/href="#([^"]+)"/g)) expect(ids).toContain(target);
    for (const [, code] of page.matchAll(/href="\/problems\/([^"]+)"/g)) {
      expect(allProblems.map((problem) => problem.code)).toContain(code);
    }
  });

  it('is not sent twice to who has it', async () => {
    const first = await nobody.get('/api/docs').expect(200);
    await nobody
      .call('get', '/api/docs', undefined, { 'If-None-Match': first.headers.etag as string })
      .expect(304);
  });

  it('explains each problem at the address that its type names', async () => {
    expect(allProblems.filter((problem) => problem.words === '')).toEqual([]);
    for (const problem of allProblems) {
      const page = await nobody
        .get(`/problems/${problem.code}`)
        .expect(200)
        .expect('content-type', /text\/html/);
      expect(page.text).toContain(problem.code);
    }
    const json = await nobody
      .call('get', '/problems/insufficient-credits', undefined, { Accept: 'application/json' })
      .expect(200);
    expect(json.body).toMatchObject({
      type: '/problems/insufficient-credits',
      status: 402,
      facts: ['meter', 'missing', 'available', 'top_up_url'],
    });
    await nobody.get('/problems/nonsense').expect(404);
    await request(world.app.http).get('/problems/toString').expect(404);
  });
});

describe('what is shown', () => {
  it.each([
    ['=1+1', `"'=1+1"`],
    ['+386', `"'+386"`],
    ['-1', `"'-1"`],
    ['@SUM(A1)', `"'@SUM(A1)"`],
    ['\t=1', `"'\t=1"`],
    ['\r\n=1', `"'\r\n=1"`],
    ['a "quoted", text', '"a ""quoted"", text"'],
    ['two\nlines', '"two\nlines"'],
    [' padded', '" padded"'],
    ['plain', 'plain'],
    ['', ''],
    [-3, '-3'],
    [null, ''],
  ])('is in CSV %j as %j', (value, cell) => {
    expect(csvCell(value)).toBe(cell);
  });

  it('is escaped in HTML, attributes too', () => {
    const evil = `"><script>alert('1')</script>&`;
    expect(html`<a title="${evil}">${[evil, null, 3]}</a>`.text).toBe(
      '<a title="&quot;&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;">' +
        '&quot;&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;3</a>',
    );
    expect(html`${html`<b>${'<'}</b>`}`.text).toBe('<b>&lt;</b>');
  });
});
