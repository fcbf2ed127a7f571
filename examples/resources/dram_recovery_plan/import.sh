terraform import dram_recovery_plan.shop shop
