/*
 * Queue ids are unique on one instance of one host, and there only as long as the message is in the
 * queue. So a life's key is `q<queue id> <host>[ <instance>]`; what follows the queue id is its scope.
 */

/** The scope of a host's instance, as keys end in it. */
export function scopeOf(host: string, instance: string | undefined): string {
  return instance === undefined ? ` ${host}` : ` ${host} ${instance}`;
}

export function lifeKey(queueId: string, scope: string): string {
  return `q${queueId}${scope}`;
}

export function scopeOfLifeKey(key: string): string {
  return key.slice(key.indexOf(' '));
}

/** Whether the scope is one of the host's. */
export function isScopeOf(scope: string, host: string): boolean {
  return scope.startsWith(host, 1) && (scope.length === host.length + 1 || scope[host.length + 1] === ' ');
}
