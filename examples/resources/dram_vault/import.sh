terraform import dram_vault.nas nas
