// One instance of a game: players hold a connection to it (GET /play, a stream that never ends).
import { createServer } from 'node:http';

let accepted = 0;
const players = new Set();
const server = createServer((request, response) => {
  if (request.url === '/play') {
    accepted++;
    players.add(response);
    response.on('close', () => players.delete(response));
    response.writeHead(200, { 'content-type': 'text/event-stream' }).write(': welcome\n\n');
    return;
  }
  response.writeHead(request.url === '/stats' ? 200 : 404, { 'content-type': 'application/json' });
  // `cpu` stands for its processor: five per cent a player.
  response.end(JSON.stringify({ connections: players.size, accepted, cpu: 5 * players.size }));
});
server.listen(Number(process.env.PORT), '127.0.0.1');
