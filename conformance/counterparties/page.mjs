// The look of the Node counterparties' pages: one card in the middle, light and dark. Reads ./page.css.
import { readFileSync } from 'node:fs';

const style = readFileSync(new URL('./page.css', import.meta.url), 'utf8');

/** Text made safe inside HTML and attribute values. */
export function escape(text) {
  return String(text).replace(/[&<>"']/g, (mark) => `&#${mark.charCodeAt(0)};`);
}

/** A whole document around `body`, which is HTML. */
export function page(title, body) {
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${escape(title)}</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,"><style>${style}</style></head>
<body><main>${body}</main></body></html>`;
}

/** `--port 7100 --config file.json` as { port, config }, the file read. */
export function commandLine() {
  const value = (name) => process.argv[process.argv.indexOf(`--${name}`) + 1];
  if (!process.argv.includes('--port') || !process.argv.includes('--config')) {
    console.error(`usage: ${process.argv[1]} --port PORT --config FILE`);
    process.exit(2);
  }
  return { port: Number(value('port')), config: JSON.parse(readFileSync(value('config'), 'utf8')) };
}

/** The whole body of a request as text, at most 64 KiB. */
export async function bodyText(request) {
  const pieces = [];
  let size = 0;
  for await (const piece of request) {
    size += piece.length;
    if (size > 65536) throw new Error('body too large');
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
}

/** Starts listening on loopback and prints the line that tells the starter. `handle` gets the base URL first. */
export function serve(port, makeHandler) {
  import('node:http').then(({ createServer }) => {
    const server = createServer();
    server.listen(port, '127.0.0.1', () => {
      const base = `http://127.0.0.1:${server.address().port}`;
      const handle = makeHandler(base);
      server.on('request', (request, response) => {
        Promise.resolve(handle(request, response)).catch((reason) => {
          console.error(reason);
          if (!response.headersSent) response.writeHead(500, { 'content-type': 'text/plain' });
          response.end('failed');
        });
      });
      console.log(`READY ${base}`);
    });
  });
}
