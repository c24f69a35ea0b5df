"""Classical methods midtone is compared with, each a function H x W x 3 uint8 -> the same."""
