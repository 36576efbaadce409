import t from 'tap'
import { isRemote, requireLocal, takeServerOptions } from '../../src/cli/server-options.ts'
import { controlPath, siteFile } from '../../src/cli/target.ts'

t.test('options before the command are stored in the environment, and not those after it', (t) => {
  const environment: Record<string, string | undefined> = {}
  const args = takeServerOptions(
    ['--server', 'https://slipway:8443', '--token-file=/run/token', 'status', '--server', 'x'],
    environment,
  )
  t.same(args, ['status', '--server', 'x'])
  t.same(environment, { SLIPWAY_SERVER: 'https://slipway:8443', SLIPWAY_TOKEN_FILE: '/run/token' })
  t.equal(controlPath(undefined, environment), 'https://slipway:8443')
  t.equal(controlPath('/run/control.sock', environment), '/run/control.sock', '--control comes first')
  t.end()
})

t.test('an option without a value is an error', (t) => {
  t.throws(() => takeServerOptions(['--fingerprint'], {}), { message: '--fingerprint: expected a value' })
  t.throws(() => takeServerOptions(['--ca-file=', 'status'], {}), { message: '--ca-file: expected a value' })
  t.throws(() => takeServerOptions(['--server', 'slipway', 'status'], {}), {
    message: '--server slipway: expected a URL such as https://slipway.example.net:8443',
  })
  t.end()
})

t.test('a command that works on files of the server does not run elsewhere', async (t) => {
  t.throws(() => requireLocal('https://slipway:8443', 'state restore'), {
    message: 'state restore works on files of the server: run it there, without --server',
  })
  requireLocal('/run/control.sock', 'state restore')
  t.ok(isRemote('https://slipway'))
  t.notOk(isRemote('/run/https://'))
  await t.rejects(siteFile({}, undefined, { SLIPWAY_SERVER: 'https://slipway:8443' }), {
    message:
      'no site file: add --site FILE, because the file that https://slipway:8443 serves is not on this machine',
  })
})
