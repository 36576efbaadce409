import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { readPublicKeys, verifySignatures } from '../../src/images/signature.ts'
import { createSigners, noGnupg, type Signer } from '../support/openpgp.ts'

t.test('signatures of images', { skip: noGnupg }, (t) => {
  const contents = { kernel: 'a kernel', rootfs: 'a root file system' }
  const [publisher, other] = createSigners(t, ['publisher', 'other'])
  const dir = t.testdir({ ...contents, 'not-a-key': 'text' })
  const armored = join(dir, 'publisher.asc')
  const binary = join(dir, 'other.gpg')
  writeFileSync(armored, publisher.armored)
  writeFileSync(binary, other.key)
  const signed = (name: keyof typeof contents, by: Signer = publisher) => ({
    name,
    signature: by.sign(contents[name]).toString('base64'),
  })
  const files = [signed('kernel'), signed('rootfs')]

  t.test('every file is signed with a given key', async (t) => {
    const keys = await readPublicKeys([armored])
    t.equal(keys?.isGiven, true)
    t.same(await verifySignatures(dir, files, keys), { kind: 'signed', keys: [publisher.fingerprint] })
    const both = await readPublicKeys([binary, armored])
    t.match(await verifySignatures(dir, [signed('kernel', other), signed('rootfs')], both), {
      kind: 'signed',
      keys: { length: 2 },
    })
  })

  t.test('a changed file has a wrong signature', async (t) => {
    const keys = await readPublicKeys([armored])
    writeFileSync(join(dir, 'changed'), 'another kernel')
    const changed = { name: 'changed', signature: files[0]?.signature }
    t.same(await verifySignatures(dir, [changed, signed('rootfs')], keys), {
      kind: 'wrong',
      problems: [`${join(dir, 'changed')} does not match its signature`],
    })
  })

  t.test('the reason is given if a signature cannot be verified', async (t) => {
    const keys = await readPublicKeys([armored])
    const reasonFor = async (...args: Parameters<typeof verifySignatures>) => {
      const result = await verifySignatures(...args)
      return result.kind === 'not-verified' ? result.reason : result.kind
    }
    t.equal(await reasonFor(dir, [{ name: 'kernel' }], keys), 'the release has no signature of kernel')
    t.equal(await reasonFor(dir, files, undefined), 'no public key was found: give one with --key')
    t.match(
      await reasonFor(dir, [signed('kernel', other)], keys),
      /^kernel: signed with the key [0-9A-F]{16}, which is not one of the public keys$/,
    )
    const garbage = { name: 'kernel', signature: Buffer.from('garbage').toString('base64') }
    t.match(
      await reasonFor(dir, [garbage], keys),
      /^kernel: gpgv cannot verify its signature \(exit code \d\)$/,
    )
    const { PATH } = process.env
    process.env['PATH'] = dir
    t.teardown(() => void (process.env['PATH'] = PATH))
    t.match(await reasonFor(dir, files, keys), /gpgv/)
  })

  t.test('keys come from the given files, or else from the system', async (t) => {
    mkdirSync(join(dir, 'rpm-gpg'))
    writeFileSync(join(dir, 'rpm-gpg/RPM-GPG-KEY-publisher'), publisher.armored)
    writeFileSync(join(dir, 'rpm-gpg/README'), 'no key')
    const found = await readPublicKeys([], [join(dir, 'rpm-gpg'), join(dir, 'missing')])
    t.equal(found?.isGiven, false)
    t.match(await verifySignatures(dir, files, found), { kind: 'signed' })
    t.equal(await readPublicKeys([], [join(dir, 'missing')]), undefined)
    await t.rejects(readPublicKeys([join(dir, 'not-a-key')]), {
      code: 'image.key-invalid',
      message: `${join(dir, 'not-a-key')} does not contain an OpenPGP public key: export one with "gpg --armor --export KEY"`,
    })
    await t.rejects(readPublicKeys([join(dir, 'missing')]), { code: 'image.key-invalid' })
  })
  t.end()
})
