"""Things to list: at least a dozen for each kind."""

CATEGORIES = {
    "fruits": "apple pear plum cherry banana grape orange lemon peach mango fig kiwi melon apricot",
    "vegetables": "carrot potato onion leek cabbage pea bean pepper cucumber pumpkin spinach turnip radish",
    "animals": "fox cat dog horse cow sheep goat bear wolf rabbit hedgehog mouse otter deer badger lion",
    "birds": "owl robin crow swan goose duck eagle sparrow heron gull pigeon stork wren finch",
    "colors": "red blue green yellow orange purple brown black white grey pink gold silver",
    "trees": "oak birch pine maple willow beech ash elm fir cedar lime poplar larch",
    "flowers": "rose tulip daisy lily poppy violet iris daffodil sunflower orchid lilac peony",
    "tools": "hammer saw drill wrench pliers screwdriver chisel axe file ruler spade rake",
    "instruments": "piano violin flute drum guitar harp trumpet cello clarinet banjo oboe tuba",
    "sports": "football tennis swimming running rowing hockey chess sailing skating boxing cycling golf",
    "clothes": "shirt coat hat scarf sock shoe glove skirt belt jacket sweater boot",
    "pieces of furniture": "table chair bed sofa desk shelf cupboard stool bench lamp wardrobe mirror",
    "jobs": "baker teacher doctor farmer painter sailor nurse builder tailor gardener pilot cook",
    "drinks": "water tea coffee milk juice cocoa lemonade cider soda broth cordial smoothie",
    "insects": "ant bee wasp beetle moth fly cricket butterfly dragonfly ladybird grasshopper gnat",
    "vehicles": "car bus train boat bicycle tram plane truck ship van ferry sledge",
    "sea animals": "whale seal shark crab octopus dolphin herring starfish squid lobster turtle eel",
    "kinds of weather": "rain snow wind fog hail sun storm thunder drizzle frost mist sleet",
    "parts of the body": "head arm leg hand foot nose ear eye mouth knee elbow finger",
    "kitchen things": "pot pan knife spoon fork plate cup bowl kettle whisk ladle sieve",
    "toys": "ball doll kite puzzle train top blocks drum marble puppet yo-yo teddy",
    "breads and cakes": "roll loaf bun scone waffle pancake muffin pretzel tart pie toast biscuit",
    "metals": "iron gold silver copper tin lead zinc nickel steel bronze brass titanium",
    "shapes": "circle square triangle oval star cube cone cylinder sphere rectangle hexagon heart",
    "feelings": "joy anger sadness fear calm hope pride shame love envy surprise trust",
    "things in a school": "book pen pencil ruler chalk board desk bag map globe eraser notebook",
    "months": "January February March April May June July August September October November December",
    "days of the week": "Monday Tuesday Wednesday Thursday Friday Saturday Sunday",
}
CATEGORIES = {name: words.split() for name, words in CATEGORIES.items()}
# Kinds with an order of their own are listed in that order.
ORDERED = {"months", "days of the week"}
SYNONYMS = {"colors": ["colors", "colours"], "animals": ["animals", "wild and tame animals"],
            "instruments": ["instruments", "musical instruments"]}
