// 300 people who look at a page every few seconds, for a minute: TARGET says which.
export const load = {
  users: 300,
  duration: '1m',
  thresholds: { http_req_failed: 'rate<0.01', http_req_duration: 'p(95)<500ms' },
};

export default async function user(u) {
  const answer = await fetch(process.env.TARGET ?? 'http://127.0.0.1:8080/');
  u.check('it is there', answer.ok);
  await u.think(2, 8);
}
