import t from 'tap'
import { createLog } from '../../../src/host/log.ts'
import { createTokenRedactor } from '../../../src/serve/http/token-redactor.ts'

const token = 'abcdefghij-_0123456789'
const shaped = 'Zk3vQ0pXl2m9TtYyB-_a1C'

const forms = (secret: string) => [
  `/boot/ocp45/w1/${secret}/worker.ign`,
  `/BOOT/ocp45/w1/${secret}/y.ign`,
  `/boot/ocp45/w1/x/${secret}`,
  `/x?token=${secret}&y=1`,
  `http://172.16.0.101/boot/ocp45/w1/${secret}/worker.ign`,
  `/boot/ocp45/w1/%${secret.charCodeAt(0).toString(16)}${secret.slice(1)}/worker.ign`,
  `/boot/ocp45/w1/%25${secret.charCodeAt(0).toString(16)}${secret.slice(1)}`,
  `/%zz/${secret}`,
  `/%ff${Buffer.from(secret).toString('hex').replaceAll(/../g, '%$&')}`,
  `/images/rhcos/${secret}`,
]

t.test('a token is redacted in any form of a request', (t) => {
  const tokens = createTokenRedactor()
  tokens.learn(token)
  for (const form of [...forms(token), ...forms(shaped), `/x${token}y`]) {
    const redacted = tokens.redact(form)
    for (const secret of [token, shaped]) {
      t.notMatch(redacted, secret, form)
      t.notMatch(decodeURIComponent(redacted.replaceAll(/%(?![0-9a-f]{2})|%ff/gi, '')), secret, form)
    }
  }
  t.end()
})

t.test('other texts are unchanged', (t) => {
  const tokens = createTokenRedactor()
  tokens.learn(token)
  for (const text of [
    '/images/rhcos-4.17/rhcos-417.94.202410090854-0-live-kernel-x86_64',
    '/boot/ocp45/w1/boot.ipxe',
    '/a%20b',
    'ocp45/m1 is not to be installed, its mode is local',
  ]) {
    t.equal(tokens.redact(text), text)
  }
  t.end()
})

t.test('the log has no tokens in its fields and errors', (t) => {
  const lines: string[] = []
  const tokens = createTokenRedactor()
  tokens.learn(token)
  const log = tokens.wrap(createLog('debug', { write: (line) => void lines.push(line) })).for('http')
  const error = new Error(`cannot send ${token}`)
  log.debug({ file: `/${token}` }, 'a')
  log.info({ file: `/${token}`, octets: 3 }, 'b')
  log.warn({ file: `/${token}` }, 'c')
  log.error({ err: error }, 'd')
  log.error({ err: new Error('no token') }, 'e')
  t.equal(lines.length, 5)
  t.notMatch(lines.join(''), token)
  t.match(lines[1], '"octets":3')
  t.match(lines[4], 'no token')
  t.ok(log.isDebug())
  t.end()
})

t.test('a token is redacted at each position of a text', (t) => {
  const tokens = createTokenRedactor()
  for (let before = 0; before < 2 * token.length; before++) {
    for (let after = 0; after < 2 * token.length; after++) {
      const [left, right] = ['/'.repeat(before), '/'.repeat(after)]
      t.equal(tokens.redact(`${left}${shaped}${right}`), `${left}…${right}`)
      const shorter = `${left}${shaped.slice(1)}${right}`
      t.equal(tokens.redact(shorter), shorter)
    }
  }
  t.end()
})
