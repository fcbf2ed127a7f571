terraform import dram_application.shop shop
