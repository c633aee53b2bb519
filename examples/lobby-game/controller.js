// What the controller that started this instance tells it, a lobby's as a game's: to drain, and how
// long it may go on without hearing more.
export let draining = false;

// True: it was for us, and is answered.
export function is_told(request, searchParams, asked, say) {
  if (asked !== 'POST /drain' && asked !== 'PUT /lease') return false;
  const token = process.env.UTAKATA_TOKEN;
  if (!token || request.headers.authorization !== `Bearer ${token}`)
    say(403, { title: 'Only the controller that started this instance may tell it so.' });
  else if (asked === 'POST /drain') told_to_drain(request, say);
  else lent_time(Number(searchParams.get('ms')), say);
  return true;
}

async function told_to_drain(request, say) {
  let text = '';
  for await (const chunk of request)
    if ((text += chunk).length > 4096) return say(413, { title: 'Too long.' });
  try {
    draining = JSON.parse(text).state === 'draining'; // "serving": it is wanted again
  } catch {
    return say(400, { title: 'The body must be JSON: {"state": "draining" or "serving"}.' });
  }
  say(200, { draining });
}

// Cut off from its controller, with its host, an instance would go on beside its substitute: it is
// lent time, and ends when that is over. With no `lease` in the stack file there is no such time.
let lease = null;
function lend(ms) {
  clearTimeout(lease);
  lease = setTimeout(() => process.exit(1), ms);
}
if (process.env.UTAKATA_LEASE) lend(process.env.UTAKATA_LEASE * 1000);
function lent_time(ms, say) {
  if (!(ms >= 1000)) return say(400, { title: '`ms` must be at least 1000.' });
  lend(ms);
  say(200, {});
}
