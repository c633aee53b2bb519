// The same scenarios in Node as it is: echo by `ws`, polls by socket.io-client's Node build.
//   node rival.mjs echo|polls
const what = process.argv[2];
const scenario = await import(`./${what}.mjs`);
const kept = [];
if (what === 'echo') {
  const { WebSocket } = await import('ws');
  kept.push(...await Promise.all(Array.from({ length: scenario.load.users }, () => scenario.talk(WebSocket))));
} else {
  for (let k = 0; k < scenario.load.users; ++k) void scenario.ask();
}
setInterval(() => kept.length, 60_000);
