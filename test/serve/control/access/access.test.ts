import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createAccess } from '../../../../src/serve/control/access/access.ts'
import { createAttempts } from '../../../../src/serve/control/access/attempts.ts'
import { readCookie } from '../../../../src/serve/control/access/sessions.ts'
import { isSame } from '../../../../src/serve/control/access/store.ts'
import { maxTokens } from '../../../../src/serve/control/access/tokens.ts'
import { fakeClock } from '../../../support/fake-clock.ts'
import { now } from '../../../support/sample-nodes.ts'

const hourMs = 3_600_000
const sample = { name: 'ci', scope: 'operate', createdBy: 'local:root' } as const

t.test('tokens survive a restart as hashes that only the service user can read', async (t) => {
  const directory = t.testdir()
  const first = createAccess(directory, fakeClock(now))
  const made = await first.tokens.create(sample)
  const secret = made?.token ?? ''
  const cookie = await first.sessions.start(made as NonNullable<typeof made>)
  const file = join(directory, 'api-access.json')
  t.equal(statSync(file).mode & 0o777, 0o600)
  const text = readFileSync(file, 'utf8')
  t.notOk(text.includes(secret.slice(-43)), 'the file has no secret of a token')
  t.notOk(text.includes(cookie), 'the file has no secret of a session')

  const second = createAccess(directory, fakeClock(now))
  t.match(second.tokens.verify(secret), { name: 'ci', scope: 'operate' })
  t.match(second.sessions.find(cookie), { token: { name: 'ci' } })
  t.notHas(second.tokens.list()[0] ?? {}, 'hash')
  t.equal(await second.tokens.revoke(made?.id ?? ''), true)
  t.equal(second.tokens.verify(secret), undefined)
  t.equal(second.sessions.find(cookie), undefined, 'the session ends with its token')
  t.equal(createAccess(directory, fakeClock(now)).tokens.verify(secret), undefined)
})

t.test('a file that cannot be read is not replaced', async (t) => {
  const directory = t.testdir({ 'api-access.json': 'damaged' })
  const { tokens } = createAccess(directory, fakeClock(now))
  await t.rejects(tokens.create(sample), { name: 'SyntaxError' })
  t.equal(readFileSync(join(directory, 'api-access.json'), 'utf8'), 'damaged')
  writeFileSync(join(directory, 'api-access.json'), '{ "tokens": [], "sessions": [] }')
  t.match(await tokens.create(sample), { name: 'ci' }, 'a failed change does not block later ones')
})

t.test('a token expires, and its place can be used again', async (t) => {
  const clock = fakeClock(now)
  const { tokens, sessions } = createAccess(undefined, clock)
  const short = await tokens.create({ ...sample, expiresAt: now + hourMs })
  const cookie = await sessions.start(short as NonNullable<typeof short>)
  for (let count = 1; count < maxTokens; count++) await tokens.create(sample)
  t.equal(await tokens.create(sample), undefined, 'the maximum number exists')
  t.match(tokens.verify(short?.token ?? ''), { expiresAt: now + hourMs })
  t.match(tokens.list()[0], { lastUsedAt: now })
  clock.advance(now + hourMs - clock.now())
  t.equal(tokens.verify(short?.token ?? ''), undefined)
  t.equal(sessions.find(cookie), undefined)
  t.match(await tokens.create(sample), { name: 'ci' })
  t.equal(tokens.list().length, maxTokens)
})

t.test('a session ends after 12 hours without a request, and after a week', async (t) => {
  const clock = fakeClock(now)
  const { tokens, sessions } = createAccess(undefined, clock)
  const token = (await tokens.create(sample)) as NonNullable<Awaited<ReturnType<typeof tokens.create>>>
  const idle = await sessions.start(token)
  const used = await sessions.start(token)
  for (let hour = 11; hour < 7 * 24; hour += 11) {
    clock.advance(now + hour * hourMs - clock.now())
    t.ok(sessions.find(used), `used after ${hour} hours`)
  }
  t.equal(sessions.find(idle), undefined)
  clock.advance(now + 7 * 24 * hourMs - clock.now())
  t.equal(sessions.find(used), undefined)
})

t.test('the number of sessions is limited, for each token and for all', async (t) => {
  const { tokens, sessions } = createAccess(undefined, fakeClock(now))
  const [one, other] = [await tokens.create(sample), await tokens.create(sample)]
  const kept = await sessions.start(other as NonNullable<typeof other>)
  const cookies: string[] = []
  for (let count = 0; count < 17; count++) cookies.push(await sessions.start(one as NonNullable<typeof one>))
  t.same(
    cookies.map((cookie) => sessions.find(cookie) !== undefined),
    cookies.map((_, index) => index > 0),
    'the oldest of 17 sessions has ended',
  )
  t.ok(sessions.find(kept), 'another token keeps its session')
})

t.test('timing: a wrong token takes as long at its first character as at its last', async (t) => {
  const { tokens } = createAccess(undefined, fakeClock(now))
  const right = (await tokens.create(sample))?.token ?? ''
  const flip = (at: number) => right.slice(0, at) + (right[at] === 'A' ? 'B' : 'A') + right.slice(at + 1)
  const candidates = [flip(21), flip(right.length - 1), flip(10)]
  const durations = candidates.map((): number[] => [])
  for (let round = 0; round < 3000; round++) {
    for (const [index, candidate] of candidates.entries()) {
      const start = process.hrtime.bigint()
      tokens.verify(candidate)
      durations[index]?.push(Number(process.hrtime.bigint() - start))
    }
  }
  const medians = durations.map((all) => all.sort((a, b) => a - b)[1500] ?? 0)
  t.ok(Math.max(...medians) < 2 * Math.min(...medians), `medians in ns: ${medians.join(', ')}`)
  t.ok(isSame('a', 'a'))
  t.notOk(isSame('a', 'ab'))
  t.notOk(isSame('', 'a'))
})

t.test('failed logins are counted for an IPv4 address, and for a /64 of IPv6', (t) => {
  const clock = fakeClock(now)
  const attempts = createAttempts(clock)
  for (let count = 1; count < 10; count++) t.equal(attempts.fail(`2001:db8::${count}`, `${count}`), false)
  t.equal(attempts.fail('2001:db8::1', '1'), false, 'the same token again')
  t.equal(attempts.lockedFor('2001:db8::1'), 0)
  t.equal(attempts.fail('2001:db8:0:0:1::', '10'), true)
  t.equal(attempts.lockedFor('2001:db8::ffff'), 60_000)
  t.equal(attempts.lockedFor('2001:db8:0:1::1'), 0)
  clock.advance(60_000)
  t.equal(attempts.lockedFor('2001:db8::1'), 0)
  for (let count = 0; count < 9; count++) attempts.fail('192.0.2.1', `${count}`)
  for (let count = 0; count < 4096; count++) attempts.fail(`10.0.${count >> 8}.${count & 255}`, '')
  t.equal(attempts.fail('192.0.2.1', '10'), false, 'the number of remembered senders is limited')
  t.end()
})

t.test('a request with two cookies of the name has no session', (t) => {
  t.equal(readCookie('theme=dark; __Host-slipway=abc'), 'abc')
  t.equal(readCookie('__Host-slipway=abc; __Host-slipway=def'), undefined)
  t.equal(readCookie('slipway=abc'), undefined)
  t.equal(readCookie(), undefined)
  t.equal(readCookie('__Host-slipway'), '')
  t.end()
})
