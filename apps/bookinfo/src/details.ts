import { json, runProgram, type Handler } from './server.ts';

/** The details service: facts about one book. */
export function createDetails(): Handler {
  return (request) => {
    if (request.path === '/health') return json({ status: 'Details is healthy' });
    const id = /^\/details\/(\d+)$/.exec(request.path)?.[1];
    if (id === undefined) {
      const wanted = request.path.startsWith('/details');
      return wanted ? json({ error: 'please provide numeric product id' }, 400) : json({ error: `no such path: ${request.path}` }, 404);
    }
    return json({
      id: Number(id),
      author: 'William Shakespeare',
      year: 1595,
      type: 'paperback',
      pages: 200,
      publisher: 'PublisherA',
      language: 'English',
      'ISBN-10': '1234567890',
      'ISBN-13': '123-1234567890',
    });
  };
}

if (import.meta.main) await runProgram('details', createDetails(), process.env);
