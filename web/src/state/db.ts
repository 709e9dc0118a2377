// SPDX-License-Identifier: Apache-2.0
// IndexedDB in promises: conversations by id, pictures by the hash of their bytes. Without it (private windows of some
// browsers) everything lives in memory until the tab closes.

type Store = "chats" | "pictures";

function promised<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error("IndexedDB failed"));
  });
}

function open(): Promise<IDBDatabase | null> {
  return new Promise((resolve) => {
    try {
      const request = indexedDB.open("monocle", 1);
      request.onupgradeneeded = () => {
        request.result.createObjectStore("chats", { keyPath: "id" });
        request.result.createObjectStore("pictures");
      };
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => resolve(null);
      request.onblocked = () => resolve(null);
    } catch {
      resolve(null);
    }
  });
}

let opened: Promise<IDBDatabase | null> | null = null;
const memory: Record<Store, Map<string, unknown>> = { chats: new Map(), pictures: new Map() };

async function inStore<T>(
  store: Store, mode: IDBTransactionMode, work: (objects: IDBObjectStore) => IDBRequest<T>, fallback: () => T,
): Promise<T> {
  opened ??= open();
  const db = await opened;
  if (!db) return fallback();
  return promised(work(db.transaction(store, mode).objectStore(store)));
}

export async function put(store: Store, key: string, value: unknown): Promise<void> {
  memory[store].set(key, value);
  await inStore<IDBValidKey>(store, "readwrite", (o) => (o.keyPath === null ? o.put(value, key) : o.put(value)), () => key);
}

export function get<T>(store: Store, key: string): Promise<T | undefined> {
  const known = memory[store].get(key) as T | undefined;
  if (known !== undefined) return Promise.resolve(known);
  return inStore<T | undefined>(store, "readonly", (o) => o.get(key), () => undefined);
}

export function all<T>(store: Store): Promise<T[]> {
  return inStore<T[]>(store, "readonly", (o) => o.getAll(), () => [...memory[store].values()] as T[]);
}

export function keys(store: Store): Promise<string[]> {
  return inStore<IDBValidKey[]>(store, "readonly", (o) => o.getAllKeys(), () => [...memory[store].keys()])
    .then((list) => list.map(String));
}

export async function remove(store: Store, key: string): Promise<void> {
  memory[store].delete(key);
  await inStore<undefined>(store, "readwrite", (o) => o.delete(key), () => undefined);
}
