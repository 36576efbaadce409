package main

import (
	"net"
	"syscall"
	"unsafe"
)

// sink is never written to: the kernel drops the bytes.
var sink [1]byte

func discardFrom(descriptor, length int) (int, error) {
	received, _, errno := syscall.Syscall6(
		syscall.SYS_RECVFROM, uintptr(descriptor), uintptr(unsafe.Pointer(&sink[0])), uintptr(length),
		syscall.MSG_TRUNC|syscall.MSG_DONTWAIT, 0, 0,
	)
	if errno != 0 {
		return 0, errno
	}
	return int(received), nil
}

// forceReceiveBuffer sets a size above net.core.rmem_max, which root can.
func forceReceiveBuffer(socket *net.UDPConn, size int) error {
	raw, err := socket.SyscallConn()
	if err != nil {
		return err
	}
	var problem error
	err = raw.Control(func(descriptor uintptr) {
		problem = syscall.SetsockoptInt(int(descriptor), syscall.SOL_SOCKET, syscall.SO_RCVBUFFORCE, size)
	})
	if err != nil {
		return err
	}
	return problem
}
