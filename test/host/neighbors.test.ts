import t from 'tap'
import { neighborIn, readNeighbor } from '../../src/host/neighbors.ts'

const table = `IP address       HW type     Flags       HW address            Mask     Device
172.16.0.21      0x1         0x2         00:50:56:96:37:C8     *        eth0
172.16.0.22      0x1         0x0         00:00:00:00:00:00     *        eth0
172.16.0.2       0x1         0x6         52:54:00:00:00:02     *        eth0
`

t.test('the MAC address of a complete entry', (t) => {
  t.equal(neighborIn(table, '172.16.0.21'), '00:50:56:96:37:c8')
  t.equal(neighborIn(table, '172.16.0.2'), '52:54:00:00:00:02', 'a permanent entry')
  t.equal(neighborIn(table, '172.16.0.22'), undefined, 'incomplete')
  t.equal(neighborIn(table, '172.16.0.23'), undefined, 'behind a router')
  t.equal(neighborIn('', '172.16.0.21'), undefined)
  t.end()
})

t.test('the table of this machine is readable', async (t) => {
  t.equal(await readNeighbor('192.0.2.255'), undefined)
})
