export interface TurnParts<Item> {
  readonly source: AsyncIterable<Item>;
  readonly parallel: number;
  /** Items of one turn are worked on one after the other, in their order. */
  readonly turn: (item: Item) => string;
  readonly work: (item: Item) => Promise<void>;
}

/** Works on a stream of items, some at once, holding no more of them than that. Throws the first failure, when all have ended. */
export async function eachInTurn<Item>({ source, parallel, turn, work }: TurnParts<Item>): Promise<void> {
  const running = new Map<string, Promise<void>>();
  const failures: unknown[] = [];

  async function run(item: Item, key: string): Promise<void> {
    try {
      await work(item);
    } catch (error) {
      failures.push(error);
    } finally {
      running.delete(key);
    }
  }

  try {
    for await (const item of source) {
      const key = turn(item);
      await running.get(key);
      while (running.size >= parallel) await Promise.race(running.values());
      if (failures.length > 0) break;
      running.set(key, run(item, key));
    }
  } finally {
    await Promise.all(running.values());
  }
  if (failures.length > 0) throw failures[0];
}
