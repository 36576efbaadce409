import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { parseCredentials, readCredentials } from '../../src/bmc/credentials.ts'

t.test('a password can contain spaces, equals signs, and hashes', (t) => {
  t.same(parseCredentials('# BMC\nusername=admin\r\n password= a=b #c \nother=1\n'), {
    username: 'admin',
    password: ' a=b #c ',
  })
  t.end()
})

t.test('a file that only its owner can read', async (t) => {
  const path = join(t.testdir({ file: 'username=admin\npassword=secret\n' }), 'file')
  chmodSync(path, 0o640)
  await t.rejects(readCredentials(path), {
    code: 'bmc.credentials-unusable',
    message: `${path} has mode 0640, so other users can read the password: set it to 0600`,
  })
  chmodSync(path, 0o600)
  t.same(await readCredentials(path), { username: 'admin', password: 'secret' })
  writeFileSync(path, 'admin:secret\n')
  await t.rejects(readCredentials(path), {
    message: `${path} has no BMC credentials: write the lines username=… and password=…`,
  })
})

t.test('a file that does not exist, and a directory', async (t) => {
  const path = join(t.testdir({}), 'none')
  await t.rejects(readCredentials(path), { message: /^cannot read the BMC credentials: ENOENT/ })
  mkdirSync(path)
  await t.rejects(readCredentials(path), { message: `${path} is not a regular file` })
})

t.test('a systemd credential', async (t) => {
  const directory = t.testdir({ bmc: 'username=admin\npassword=secret\n' })
  const environment = { CREDENTIALS_DIRECTORY: directory }
  t.same(await readCredentials('bmc', environment), { username: 'admin', password: 'secret' })
  await t.rejects(readCredentials('bmc', {}), {
    message:
      'the systemd credential bmc is not available: add LoadCredential=bmc:PATH to the service, or set bmc.credentials to the path of a file',
  })
})
