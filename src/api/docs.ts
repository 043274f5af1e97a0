import { type RequestHandler, Router } from 'express';
import { Refusal } from '../platform/refusal';
import type { Context } from '../usecases/context';
import { STYLE } from './docs.style';
import { docsView, problemView } from './docs.view';
import { type Group, type OpenApiDocument, openApiDocument } from './openapi';
import { problemNamed } from './problems';

/** The document of the API for programs, the same for people, and the pages that `type` of a problem points to. */
export function docsRoutes(ctx: Context, groups: Group[]): Router {
  let made: { publicUrl: string; document: OpenApiDocument; page: string } | undefined;
  // Made when first asked for: the port, and with it the address, may be known only after the start.
  const current = () => {
    if (made?.publicUrl !== ctx.publicUrl) {
      const document = openApiDocument(groups, ctx.publicUrl);
      made = { publicUrl: ctx.publicUrl, document, page: docsView(document).text };
    }
    return made;
  };
  const router = Router();
  router.get('/api/v1/openapi.json', cached, (_req, res) => {
    res.json(current().document);
  });
  router.get('/api/docs', cached, (_req, res) => {
    res.type('html').send(current().page);
  });
  router.get('/api/docs/style.css', cached, (_req, res) => {
    res.type('css').send(STYLE);
  });
  router.get('/problems/:code', cached, (req, res) => {
    const problem = problemNamed(String(req.params.code));
    if (!problem) throw new Refusal('not-found', 'There is no such problem.');
    const wanted = req.accepts(['html', 'json']);
    res.vary('Accept');
    if (wanted === 'json') {
      res.json({ type: `/problems/${problem.code}`, ...problem });
      return;
    }
    res.type('html').send(problemView(problem).text);
  });
  return router;
}

/** Express adds an ETag, so asking again costs nothing. */
const cached: RequestHandler = (_req, res, next) => {
  res.setHeader('Cache-Control', 'no-cache');
  next();
};
