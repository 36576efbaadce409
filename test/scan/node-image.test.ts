import t from 'tap'
import { nodeImageAdvice } from '../../src/scan/node-image.ts'
import { siteSchema } from '../../src/site/schema.ts'
import { exampleSite } from '../support/model.ts'

t.test('an image with agent files needs a command for each added node', async (t) => {
  const dir = t.testdir({
    'node.x86_64-vmlinuz': 'x',
    'node.x86_64-initrd.img': 'x',
    'node.x86_64-rootfs.img': 'x',
  })
  const given = exampleSite()
  given.images = { rhcos: { dir } }
  const site = siteSchema.parse(given)
  const macs = ['52:54:00:00:00:24', '52:54:00:00:00:25']
  const command = `oc adm node-image create --mac-address=${macs.join(',')} --pxe --dir=${dir}`
  t.equal(await nodeImageAdvice(site, 'ocp45', macs), command)
  t.equal(await nodeImageAdvice(site, undefined, macs), command)
  t.equal(await nodeImageAdvice(site, 'other', macs), undefined)
  given.images = { rhcos: { dir: t.testdir({ 'live-kernel': 'x' }) } }
  t.equal(await nodeImageAdvice(siteSchema.parse(given), 'ocp45', macs), undefined)
  given.images = { rhcos: { dir: '/nonexistent' } }
  t.equal(await nodeImageAdvice(siteSchema.parse(given), 'ocp45', macs), undefined)
})
