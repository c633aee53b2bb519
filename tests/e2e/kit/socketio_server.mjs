// Node's own Socket.IO server, for clients in another process: `node socketio_server.mjs` says its port to its parent, and ends with it.
import { createServer } from 'node:http';
import { Server } from 'socket.io';

const http = createServer();
const server = new Server(http, { pingInterval: 200, pingTimeout: 5000, upgradeTimeout: 5000 });
let connections = 0;
http.on('connection', () => ++connections);
server.on('connection', (socket) => {
  socket.on('echo', (data, answer) => answer(data, socket.conn.transport.name));
  socket.on('say', (data) => socket.broadcast.emit('said', data));
  socket.on('connections', (answer) => answer(connections));
  socket.on('leave me', () => socket.disconnect(true));
});
http.listen(0, '127.0.0.1', () => process.send(http.address().port));
process.on('disconnect', () => process.exit(0));
