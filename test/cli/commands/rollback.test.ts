import t from 'tap'
import { UsageError } from '../../../src/cli/command.ts'
import { confirm } from '../../../src/cli/commands/confirm.ts'
import { rollback } from '../../../src/cli/commands/rollback.ts'
import { controlService } from '../../support/control-service.ts'
import { keptTerminal } from '../../support/terminal.ts'

async function run(command: typeof rollback, path: string, ...args: string[]) {
  const terminal = keptTerminal()
  const code = await command.run([...args, '--control', path], terminal)
  return { code, out: terminal.outLines, err: terminal.errLines }
}

t.test('a rollback prints what changed, and how to keep the earlier site', async (t) => {
  const { path, reloads, requests } = await controlService(t)
  const differsFrom = '/etc/slipway/site.yaml'
  reloads.push({
    outcome: 'swapped',
    nodes: 6,
    troubles: [],
    changes: { items: [], restart: [] },
    differsFrom,
  })
  t.same(await run(rollback, path, '3'), {
    code: 0,
    out: [
      'earlier site served again: 6 nodes',
      'No changes.',
      '/etc/slipway/site.yaml differs from the served site. To keep the served site:',
      '  slipway history show --output /etc/slipway/site.yaml 0 && slipway reload',
    ],
    err: [],
  })
  const { out } = await run(rollback, path, '--json')
  t.same(JSON.parse(out.join('\n')), { outcome: 'swapped', nodes: 6, troubles: [] })
  await run(rollback, path, '--confirm', '5m', '2')
  t.same(requests, ['rollback 3', 'rollback 1', 'rollback 2 300000'])
  await t.rejects(run(rollback, path, '--confirm', '5'), {
    message: /^--confirm 5: expected a time from 10 s/,
  })
})

t.test('a rejected rollback prints the reasons; exit code 1', async (t) => {
  const { path, reloads } = await controlService(t)
  reloads.push({ outcome: 'kept', reasons: ['the history has no earlier site'], code: 'server.no-such-plan' })
  t.same(await run(rollback, path), {
    code: 1,
    out: [],
    err: [
      'the history has no earlier site',
      'slipway: rollback rejected, the current plan stays active: read the reasons above',
    ],
  })
})

t.test('a confirmation succeeds, and one without a reload is refused', async (t) => {
  const { path, confirmations } = await controlService(t)
  t.same(await run(confirm, path), { code: 0, out: ['site confirmed'], err: [] })
  t.same(JSON.parse((await run(confirm, path, '--json')).out.join('')), { outcome: 'confirmed' })
  const reason = 'no reload is waiting for confirmation'
  confirmations.push({ outcome: 'refused', code: 'server.nothing-to-confirm', reason })
  t.same(await run(confirm, path), {
    code: 1,
    out: [],
    err: [`slipway: ${reason}; run slipway history to see which site is served`],
  })
})

t.test('invalid command lines', async (t) => {
  const terminal = keptTerminal()
  const numbered = new UsageError('expected a number of the history')
  for (const args of [['one'], ['1', '2'], ['1000']]) await t.rejects(rollback.run(args, terminal), numbered)
  await t.rejects(confirm.run(['now'], terminal), new UsageError('expected no arguments'))
})
