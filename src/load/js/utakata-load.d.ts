// What a scenario for `utakata load` exports, and what its functions are called with (docs/load.md). In JavaScript:
//
//   /** @type {import('./utakata-load').LoadPlan} */
//   export const load = { users: 100, duration: '5m' };
//   /** @param {import('./utakata-load').User} u */
//   export default async function user(u) { ... }
//
// WebSocket, fetch, XMLHttpRequest and FileReader are the web's own.

export type Time = string | number; // '30s', '1h30m', or seconds
export type Rate = string | number; // '50/s', '90/m', '5/h', or a number a second

export interface Stage<Level> {
  duration: Time;
  target: Level;
  step?: boolean; // at once, instead of in a ramp
}
export interface Shape<Level> {
  start?: Level;
  stages: Stage<Level>[];
}

// Closed: whoever is done begins anew. Open: they come, done or not.
export type Model =
  | { users: number; duration: Time; iterations?: number }
  | { users: number; iterations: number; duration?: Time }
  | { users: Shape<number>; iterations?: number }
  | { stages: Stage<number>[]; iterations?: number }
  | { arrivals: Rate; duration: Time }
  | { arrivals: Shape<Rate> };

// Such as 'p(95)<500', 'rate>0.99', 'count==0'; k6's.
export type Threshold = string | { threshold: string; abort_on_fail?: boolean };

export interface SharedScenario {
  exec?: string; // the name of an exported function; by default `user`, which `export default` is, too
  weight: number; // its share of the users
  tags?: Record<string, string>; // of what it measures itself
}
export type OwnScenario = Model & { exec?: string; start_after?: Time; tags?: Record<string, string> };

interface Common {
  thresholds?: Record<string, Threshold | Threshold[]>;
  graceful_stop?: Time; // for who is still busy at the end; 30 s by default
  tags?: Record<string, string>; // of all that scenarios measure themselves
}
export type LoadPlan = Common &
  ((Model & { scenarios?: Record<string, SharedScenario> }) | { scenarios: Record<string, OwnScenario>; users?: never; arrivals?: never; stages?: never });

export type MetricTags = Record<string, string | number | boolean>;

export interface Place {
  id: string;
  url: string;
  instance: string;
  ticket: string;
}

// One virtual user, for one iteration. `Data`: what setup() returned.
export class User<Data = any> {
  readonly number: number; // among all users of the run
  readonly scenario: string;
  readonly data: Data;
  readonly is_leaving: boolean; // it was told to end what it does
  cookies: unknown[]; // its jar

  random(): number; // 0 to 1; the same again with the same --seed
  between(least: number, most: number): number;
  one_of<Item>(list: readonly Item[]): Item;

  think(least: number, most?: number): Promise<void>; // so many seconds, or between the two
  stay(): Promise<void>; // until the user is to leave
  // Every so many seconds until the user is to leave; with a name, what it took is measured from when it was meant to be done.
  every(seconds: number, work: (k: number) => unknown, options?: { name?: string; times?: number }): Promise<void>;
  leave(): void;

  check(name: string, is_true: unknown): boolean;
  measure<Result>(name: string, work: () => Result, tags?: MetricTags): Result;
  measure(name: string): () => void; // call what it returns when it is done
  count(name: string, by?: number, tags?: MetricTags): void;
  trend(name: string, ms: number, tags?: MetricTags): void;
  rate(name: string, is_true: unknown, tags?: MetricTags): void;
  gauge(name: string, value: number, tags?: MetricTags): void;

  clock(): number; // ms, the same for all users of the run
  delay(name: string, sent: number, tags?: MetricTags): void; // how long ago that is, as a trend

  // Waits in line while the cluster is full, `within` seconds at most. What else is answered is an error with its `status`.
  place(cluster: string, options?: {
    key?: string; seats?: number; stack?: string; api?: string; token?: string; within?: number;
    refused?(answer: { detail?: string; ahead?: number }, waits_s: number): void;
  }): Promise<Place>;
}
