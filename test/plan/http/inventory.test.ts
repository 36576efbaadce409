import t from 'tap'
import { compileHttp } from '../../../src/plan/http/compile.ts'
import { exampleModel, found, missing } from '../../support/model.ts'
import { inventoryModel } from '../../support/inventory-site.ts'

t.test('a site without the section serves nothing to undeclared machines', (t) => {
  t.equal(compileHttp(exampleModel()).plan.inventory, undefined)
  t.end()
})

t.test('the files and the script of the inventory system', (t) => {
  const inventory = { kernel: found('/srv/inventory/vmlinuz'), initrd: found('/srv/inventory/initrd.img') }
  const { plan, findings } = compileHttp(inventoryModel(() => {}, { inventory }))
  t.match(plan.inventory, {
    kernel: { file: '/srv/inventory/vmlinuz', problem: undefined },
    initrd: { file: '/srv/inventory/initrd.img', problem: undefined },
  })
  t.equal(
    plan.inventory?.script,
    `#!ipxe
# inventory boot of an undeclared machine

echo
echo slipway: undeclared machine \${netX/mac}, boots a system that reports its hardware
echo slipway: nothing is written to a disk
kernel http://192.0.2.2/inventory/kernel initrd=inventory slipway.inventory=http://192.0.2.2/inventory BOOTIF=01-\${netX/mac:hexhyp} console=ttyS0 || goto failed
initrd --name inventory http://192.0.2.2/inventory/initrd || goto failed
boot || goto failed

:failed
echo slipway: the inventory boot failed, see the error above
prompt --key 0x02 --timeout 15000 Ctrl-B for the iPXE shell, or wait 15 s && shell ||
exit 1
`,
  )
  t.same(findings, [])
  t.end()
})

t.test('a missing file is an error of the site', (t) => {
  const inventory = { kernel: found('/srv/inventory/vmlinuz'), initrd: missing('/i', '/i does not exist') }
  const { plan, findings } = compileHttp(inventoryModel(() => {}, { inventory }))
  t.match(plan.inventory?.initrd, { problem: '/i does not exist' })
  t.match(findings, [
    {
      code: 'http.inventory-file-missing',
      severity: 'error',
      about: 'inventory',
      message: 'undeclared machines cannot boot: /i does not exist',
    },
  ])
  t.end()
})
