# Public libraries in the firmware, for arm-none-eabi-gcc and for gcc on the host. Set before: FIRMWARE, the path of
# this folder; PYTHON (python3). Objects of a library depend on $(SOURCES_READY), which fetches it; code that includes
# its headers does, too, and is compiled with LIBRARY_CPPFLAGS. Link with --gc-sections: of each file little is needed.

PYTHON ?= python3
SOURCES := $(FIRMWARE)/build/sources
SOURCES_READY := $(SOURCES)/.pins
LIBRARY_CFLAGS := -std=gnu11 -w -ffunction-sections -fdata-sections

# crypto_hash_sha256_*, crypto_hash_sha512, crypto_verify_32. The hash functions are libsodium's with the unrolled rounds
# put into loops: 8 KiB less code, 60 % of the speed. CONFIGURED: its configure script has nothing to find out for these.
SODIUM := $(SOURCES)/libsodium
SODIUM_CPPFLAGS := -isystem $(SODIUM)/include -isystem $(SODIUM)/include/sodium -DSODIUM_STATIC -DCONFIGURED=1 \
  -DNATIVE_LITTLE_ENDIAN=1
SODIUM_SOURCES := $(addprefix $(SODIUM)/, crypto_verify/verify.c sodium/utils.c small/sha256.c small/sha512.c)

# The curve of Ed25519: crypto_eddsa_reduce, crypto_eddsa_check_equation. libsodium's takes 6 KiB more.
MONOCYPHER := $(SOURCES)/monocypher
MONOCYPHER_CPPFLAGS := -isystem $(MONOCYPHER)
MONOCYPHER_SOURCES := $(MONOCYPHER)/monocypher.c

# LZ4_decompress_safe
LZ4 := $(SOURCES)/lz4
LZ4_CPPFLAGS := -isystem $(LZ4) -DLZ4_HEAPMODE=0 -DLZ4_STATIC_LINKING_ONLY_DISABLE_MEMORY_ALLOCATION
LZ4_SOURCES := $(LZ4)/lz4.c

LIBRARY_SOURCES := $(SODIUM_SOURCES) $(MONOCYPHER_SOURCES) $(LZ4_SOURCES)
LIBRARY_CPPFLAGS := $(SODIUM_CPPFLAGS) $(MONOCYPHER_CPPFLAGS) $(LZ4_CPPFLAGS)

$(SOURCES_READY): $(FIRMWARE)/sources.txt $(FIRMWARE)/../host_tools/firmware/sources.py
	cd $(FIRMWARE)/.. && $(PYTHON) -m host_tools.firmware.sources $(abspath $(SOURCES))

# The archives keep the files' old dates, so objects look at $(SOURCES_READY) instead.
$(LIBRARY_SOURCES): | $(SOURCES_READY) ;
