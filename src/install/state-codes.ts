/** Codes of the recorded state and of the shared store: what is lost, damaged, or cannot be written. */
import { defineCodes } from '../text/codes.ts'

export const stateCodes = defineCodes({
  'state.not-vouched': {
    meaning: 'the records of the machine are incomplete, so it boots from its disk',
    remedy: 'Run `slipway node install` to install the machine, or `slipway node local` to keep its disk',
  },
  'state.unknown-mode': {
    meaning:
      'the record of the machine has a state that this version does not know, so it boots from its disk',
    remedy: 'Run the newer version, or arm the machine with `slipway node install`',
  },
  'state.lost': {
    meaning: 'the state was lost: machines without a record boot from their disks',
    remedy: 'Restore a backup, or arm the machines that must be installed',
  },
  'state.stale': {
    meaning: 'the state is older than the last one that slipway wrote: machines boot from their disks',
    remedy: 'Restore the latest state, or arm the machines that must be installed',
  },
  'state.other-site': {
    meaning: 'the state belongs to another site: machines without a record boot from their disks',
    remedy: 'Check the state directory and the name of the site',
  },
  'state.damaged': {
    meaning: 'the state was damaged and moved aside; the readable records were recovered',
    remedy: 'Restore a backup, or arm the machines that must be installed',
  },
  'state.record-damaged': {
    meaning: 'the record of one machine is damaged, so it boots from its disk',
    remedy: 'Arm the machine with `slipway node install` if it must be installed',
  },
  'state.unusable': {
    meaning: 'the state cannot be used: nothing is installed, all other services run',
    remedy: 'Fix what the message names, and restart slipway',
  },
  'state.not-writable': {
    meaning: 'the state cannot be written: new installations wait, all other services run',
    remedy: 'Free disk space, and check the permissions of the state directory',
  },
  'store.unreachable': {
    meaning: 'the shared store does not answer: new installations wait, all other services run',
    remedy: 'Check the members of etcd with `etcdctl endpoint health`, and the keys of `store.etcd`',
  },
  'store.claimed': {
    meaning: 'another appliance has just started an installation of this machine',
    remedy: 'Wait: the machine requests its script again after a few seconds',
  },
  'store.replaced': {
    meaning: 'the shared store does not contain its previous data: it was restored, emptied, or replaced',
    remedy: 'Check `store.etcd`, then run `slipway state accept` on this appliance',
  },
  'store.record-unreadable': {
    meaning: 'the record of a machine in the shared store cannot be read',
    remedy: 'Check what else writes to this etcd under `store.etcd.prefix`',
  },
  'state.clock-jumped': {
    meaning: 'the clock of the server jumped',
    remedy: 'Check the time synchronization of the server',
  },
})
