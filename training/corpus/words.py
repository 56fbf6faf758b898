"""Names that several parts of the corpus share."""

GIRLS = ["Mila", "Ada", "Nora", "Lena", "Ines", "Tilda", "Rosa", "Vera", "Juna", "Opal", "Elsa",
         "Kira", "Mina", "Zoe", "Alma", "Freya", "Hana", "Lucia", "Pia", "Sara", "Wren", "Yuki"]
BOYS = ["Tomas", "Otto", "Emil", "Finn", "Hugo", "Ivo", "Jonas", "Karl", "Leo", "Milo", "Nils",
        "Oskar", "Pavel", "Remy", "Samir", "Theo", "Udo", "Victor", "Anton", "Ben", "Casper", "Davi"]
NAMES = GIRLS + BOYS
TOWNS = ["Port Ardo", "Willowmere", "Oldbridge", "Kestrel Bay", "Saltby", "Ashford Hill", "Larkfield",
         "Stonewick", "Brindle", "Elmstead", "Greyharbour", "Northmill", "Fernhollow", "Tarn"]
