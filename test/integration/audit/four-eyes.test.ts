import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FourEyes } from '../../../services/cli/audit/four-eyes.ts';
import { orderSteps } from '../../support/order-steps.ts';
import { audience } from '../../support/test-service.ts';
import { type ServiceUnderTest, startService } from '../cli/against-service.ts';

describe('griffie audit four-eyes: who acted with whom', () => {
  let world: ServiceUnderTest;
  let auditor: string;
  beforeAll(async () => {
    world = await startService();
    const { service: t } = world;
    auditor = await world.person('auditor');
    const [anna, dora] = [await t.enrol('registrar', 'anna'), await t.enrol('registrar', 'dora')];
    const [boris, carla] = [await t.enrol('reviewer', 'boris'), await t.enrol('officer', 'carla')];
    const orders = [await t.record(anna), await t.record(anna), await t.record(anna)].map(orderSteps);
    await orders[0]?.take(boris, 'approval');
    await orders[1]?.take(boris, 'rejection', { reason: 'other' });
    // The person who wrote the version that is approved counts, not who wrote the first.
    await orders[2]?.amend(dora, 1, t.orderDraft());
    await orders[2]?.take(boris, 'approval', { version: 2 });
    t.clock.set('2096-12-01T00:00:00.000Z');
    await orders[0]?.request(carla);
    await orders[2]?.request(carla, 2);
    await orders[2]?.request(carla, 1);
    await carla.call('GET', '/v1/credentials');
  });
  afterAll(() => world.stop());

  const run = async (...args: string[]): Promise<FourEyes> => {
    const ran = await world.griffie('audit', 'four-eyes', ...args, '--json');
    expect({ exitCode: ran.exitCode, stderr: ran.stderr }).toEqual({ exitCode: 0, stderr: '' });
    return ran.json() as unknown as FourEyes;
  };

  it('by month and matter, with what was refused', async () => {
    const { pairs } = await run(world.ledgerFolder);
    const administrators = ['first-administrator', 'second-administrator'];
    expect(pairs.map((pair) => Object.values(pair))).toEqual([
      ['2096-11', 'enrolment', ...administrators, 5, 0],
      ['2096-11', 'order', 'anna', 'boris', 1, 1],
      ['2096-11', 'order', 'dora', 'boris', 1, 0],
      ['2096-12', 'request', 'anna', 'carla', 1, 0],
      ['2096-12', 'request', 'dora', 'carla', 1, 1],
    ]);
  });

  it('and by credential', async () => {
    const { credentials } = await run(world.ledgerFolder, '--period', '2096-12');
    expect(credentials).toMatchObject([{ personId: 'carla', role: 'officer', done: 2, refused: 2 }]);
  });

  it('is the same of the service and of a copy of its folder', async () => {
    const offline = await run(world.ledgerFolder);
    const { upTo: _, ...online } = await run(audience, '--as', auditor);
    expect(offline).toMatchObject(online);
  });

  it('as a table', async () => {
    const { stdout } = await world.griffie('audit', 'four-eyes', world.ledgerFolder, '--period', '2096');
    expect(stdout).toMatch(/MONTH +MATTER +FIRST +SECOND +DONE +REFUSED/);
    expect(stdout).toMatch(/2096-11 +order +anna +boris +1 +1/);
    expect((await world.griffie('audit', 'four-eyes', world.ledgerFolder, '--period', '2095')).stdout).toBe(
      'Nobody did anything in that time.\n',
    );
    expect((await world.griffie('audit', 'four-eyes', world.ledgerFolder, '--period', 'May')).exitCode).toBe(
      2,
    );
  });
});
